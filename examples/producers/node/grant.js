// Asks for a range of identifiers and prints it.
//
//   node grant.js SPACE [COUNT [REQUEST_ID]]
//
// The same request ID gets the same range, however often it asks. Ends with 0 if the
// range was granted, 1 if it was refused, 2 if it was not called so, 3 if no answer came: ask
// again then, with the same request ID.
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Consumer, Producer, stringSerializers } from '@platformatic/kafka'
import { decode, flat } from './owned-log.js'

const bootstrapBrokers = (process.env.SPANWAY_BROKERS ?? '127.0.0.1:29092').split(',')
const prefix = process.env.SPANWAY_PREFIX ?? 'spanway.'
const owner = process.env.SPANWAY_OWNER ?? 'example'
const clientId = 'spanway-example'
const topic = `${prefix}ids.events`
const attempts = 6
const silence = 5000 // ms without an answer until it asks again

async function main(space, count, requestId) {
  // The group is this run's own: nothing is shared, nothing is committed.
  const groupId = `spanway-example-${randomUUID()}`
  const consumer = new Consumer({ clientId, bootstrapBrokers, groupId, autocommit: false, maxWaitTime: 500 })
  const producer = new Producer({ clientId, bootstrapBrokers, idempotent: true, serializers: stringSerializers })
  try {
    // First the place from which to read, then the request: the answer cannot be missed.
    const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic)
    const offsets = ends.map((offset, partition) => ({ topic, partition, offset }))
    const answered = answer(await consumer.consume({ topics: [topic], mode: 'manual', offsets }), space, requestId)
    for (let i = 0; i < attempts; i++) {
      await ask(producer, space, count, requestId)
      const got = await Promise.race([answered, setTimeout(silence, undefined, { ref: false })])
      if (got) return report(got, requestId)
    }
    console.error(`no answer in ${(attempts * silence) / 1000} s: does an allocator run? Or could it not read the request (spanway log dead)? Ask again with request ID ${requestId}`)
    return 3
  } finally {
    await producer.close()
    await consumer.close(true)
  }
}

function ask(producer, space, count, requestId) {
  // The partitioner of this client is that of the Java client: requests stand by request ID.
  const message = {
    topic: `${prefix}ids.requests`,
    key: requestId,
    // int64 is text in JSON: a number loses digits above 2^53 here.
    value: JSON.stringify({ space, count: String(count), requestId, owner }),
    headers: {
      ce_specversion: '1.0',
      ce_id: randomUUID(),
      ce_source: '/examples/node',
      ce_type: 'spanway.ids.range_requested.v1',
      'content-type': 'application/json'
    }
  }
  return producer.send({ messages: [message] })
}

async function answer(stream, space, requestId) {
  for await (const record of stream) {
    const read = flat(record)
    if (read.headers.get('ce_type')?.toString() !== 'spanway.ids.answered.v1') continue
    const event = decode(read)
    if (event?.space === space && event.requestId === requestId) return event
  }
}

function report({ code, text, granted }, requestId) {
  if (code) {
    console.error(`${code}: ${text}`)
    return 1
  }
  console.log(`${granted.from}-${granted.to}  ${requestId}`)
  return 0
}

const [space, count = '1', requestId = randomUUID()] = process.argv.slice(2)
if (space === undefined) {
  console.error('usage: node grant.js SPACE [COUNT [REQUEST_ID]]')
  process.exitCode = 2
} else if (!/^-?[0-9]{1,18}$/.test(count)) {
  console.error(`the count is '${count}': give a whole number of at most 18 digits`)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await main(space, count, requestId)
  } catch (error) {
    console.error(`Kafka at ${bootstrapBrokers}: ${error.message}; ask again with request ID ${requestId}`)
    process.exitCode = 3
  }
}
