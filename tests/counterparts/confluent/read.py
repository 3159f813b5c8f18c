"""Reads a topic with Confluent's client and its deserialiser, which asks a registry for the schemas.

read.py BROKERS TOPIC REGISTRY COUNT prints a line of JSON for each of the first COUNT events.
"""

import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, topic, registry, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "outsider", "enable.auto.commit": False})
partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
seen, silent = 0, 0
while seen < count and silent < 30:
    message = consumer.poll(1.0)
    if message is None or message.error():
        silent += 1
        continue
    headers = dict(message.headers() or [])
    if "ce_type" not in headers:
        continue  # a claim or an outcome: no event
    value = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
    told = {name: text.decode() for name, text in headers.items() if name != "rc"}
    line = {"key": message.key().decode(), "offset": message.offset(), "headers": told, "value": value}
    print(json.dumps(line, default=str))
    seen += 1
consumer.close()
