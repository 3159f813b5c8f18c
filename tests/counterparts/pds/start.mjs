// A Bluesky PDS with its directory of identities in memory, on free ports of the loopback. Prints one
// JSON line when both serve, and ends when its standard input does. RATE_LIMITS=1: the PDS's own limits.
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import crypto from 'node:crypto'
import { PDS } from '@atproto/pds'
import * as plc from '@did-plc/server'

const free = () => new Promise((found) => {
  const taken = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = taken.address()
    taken.close(() => found(port))
  })
})
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'recount-pds-'))
const end = () => { fs.rmSync(dir, { recursive: true, force: true }); process.exit(0) }
process.stdin.resume().on('end', end).on('close', end)

const directoryPort = await free()
const port = await free()
const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: directoryPort })
await directory.start()
const server = await PDS.fromEnv({
  devMode: true, port, hostname: 'localhost',
  dataDirectory: dir, blobstoreDiskLocation: path.join(dir, 'blobs'),
  didPlcUrl: `http://localhost:${directoryPort}`,
  serviceHandleDomains: ['.test'], inviteRequired: false,
  adminPassword: crypto.randomUUID(), jwtSecret: crypto.randomUUID(),
  plcRotationKeyK256PrivateKeyHex: crypto.randomBytes(32).toString('hex'),
  recoveryDidKey: undefined,
  bskyAppViewUrl: 'https://appview.invalid', bskyAppViewDid: 'did:example:invalid',
  modServiceUrl: 'https://moderator.invalid', modServiceDid: 'did:example:invalid',
  disableSsrfProtection: true,
  rateLimitsEnabled: process.env.RATE_LIMITS === '1',
})
await server.start()
console.log(JSON.stringify({ url: `http://localhost:${port}` }))
