// The bench's aggregate as a virtual object of Restate: one writer a key, state and answer durable.
// Usage: node note.mjs PORT
import * as restate from '@restatedev/restate-sdk'

const note = restate.object({
  name: 'note',
  handlers: {
    write: async (ctx, { author, text }) => {
      if (!text) throw new restate.TerminalError('a line is not empty')
      const lines = ((await ctx.get('lines')) ?? 0) + 1
      ctx.set('lines', lines)
      ctx.set('last', { author, text })
      return lines
    },
  },
})

await restate.serve({ services: [note], port: Number(process.argv[2]), logger: () => {} })
