// Submits one command as a task, waits for its end and prints the result.
//
//   node submit.js COMMAND [ARG...]
//
// Ends with 0 if the task succeeded, 4 if it ended otherwise, 1 if it was refused,
// 3 if Kafka cannot be reached.
import { randomUUID } from 'node:crypto'
import { Consumer, Producer, stringSerializers } from '@platformatic/kafka'
import { decode, flat, Judge, typeOf } from './owned-log.js'

const bootstrapBrokers = (process.env.SPANWAY_BROKERS ?? '127.0.0.1:29092').split(',')
const prefix = process.env.SPANWAY_PREFIX ?? 'spanway.'
const pool = process.env.SPANWAY_POOL ?? 'default'
const predicate = process.env.SPANWAY_WHERE ?? 'true' // Such as: engine.labels.gpu >= 1
const clientId = 'spanway-example'
const topic = `${prefix}tasks.events`

async function main(command) {
  const taskId = process.env.SPANWAY_TASK_ID || randomUUID()
  // The group is this run's own: nothing is shared, nothing is committed.
  const groupId = `spanway-example-${randomUUID()}`
  const consumer = new Consumer({ clientId, bootstrapBrokers, groupId, autocommit: false, maxWaitTime: 500 })
  // First the place from which to read, then the request: its end cannot be missed.
  const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic)
  const offsets = ends.map((offset, partition) => ({ topic, partition, offset }))
  const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets })
  try {
    await submit(taskId, command)
    return await end(stream, ends, taskId)
  } finally {
    await consumer.close(true)
  }
}

async function submit(taskId, command) {
  const producer = new Producer({ clientId, bootstrapBrokers, idempotent: true, serializers: stringSerializers })
  try {
    const message = {
      topic: `${prefix}tasks.requests`,
      key: pool,
      value: JSON.stringify({ taskId, kind: 'exec', payloadJson: { command }, predicate, executionTimeout: '30s' }),
      headers: {
        ce_specversion: '1.0',
        ce_id: randomUUID(),
        ce_source: '/examples/node',
        ce_type: 'spanway.task.requested.v1',
        'content-type': 'application/json'
      }
    }
    // If this fails, submit again: the same taskId is the same task.
    await producer.send({ messages: [message] })
  } finally {
    await producer.close()
  }
}

async function end(stream, ends, taskId) {
  const judges = ends.map(offset => new Judge(offset))
  for await (const record of stream) {
    for (const counted of judges[record.partition].add(flat(record))) {
      const event = decode(counted)
      if (event?.taskId !== taskId) continue
      const code = outcome(typeOf(counted).split('.')[2], event)
      if (code !== undefined) return code
    }
  }
}

function outcome(fact, event) {
  switch (fact) {
    case 'succeeded':
      process.stdout.write(Buffer.from(event.result)) // An empty one is decoded as an array.
      return 0
    case 'failed':
    case 'dead_lettered':
    case 'expired':
    case 'cancelled':
      console.error(`${fact}:`, event.error?.code ?? '', event.error?.message ?? event.reason ?? '')
      return 4
    case 'rejected':
      console.error(`${event.code}: ${event.message}`)
      return 1
  }
}

const command = process.argv.slice(2)
if (command.length === 0) {
  console.error('usage: node submit.js COMMAND [ARG...]')
  process.exitCode = 2
} else {
  try {
    process.exitCode = await main(command)
  } catch (error) {
    console.error(`Kafka at ${bootstrapBrokers}: ${error.message}`)
    process.exitCode = 3
  }
}
