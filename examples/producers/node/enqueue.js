// Puts the lines of standard input into a queue, each as an entry, and prints their places.
//
//   node enqueue.js QUEUE [ID]
//
// The first line has the given ID, the others have fresh ones. An ID names its entry for
// ever: it is put in once. Ends with 0 if all lines are in the queue, 1 if one was refused,
// 2 if it was not called so, 3 if what became of one is not known: put it in again then, with
// the same ID.
//
// A queue is a shared log ("Shared logs" of docs/wire.md): each record is a call, and order
// decides which of them are accepted. An acknowledgement says that the record is kept, and
// nothing of the verdict. That comes from a fold of the log, which `spanway queue show`
// makes.
import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Admin, Consumer, Producer } from '@platformatic/kafka'
import { flat } from './owned-log.js'

const bootstrapBrokers = (process.env.SPANWAY_BROKERS ?? '127.0.0.1:29092').split(',')
const prefix = process.env.SPANWAY_PREFIX ?? 'spanway.'
const clientId = 'spanway-example'
const type = 'text/plain'
const limit = 256 << 10 // bytes of a payload
const attempts = 6
const silence = 5000 // ms without an acknowledgement until the call is made again
const bytes = v => Buffer.from(v)

// One call: the record, with an ID of its own, which it keeps however often it is sent.
function call(topic, seen, entry, payload) {
  const id = randomBytes(16)
  const below = Buffer.alloc(8)
  below.writeBigUInt64BE(seen)
  return {
    topic,
    partition: 0,
    value: JSON.stringify({ id: entry, payload: payload.toString('base64'), payloadType: type }),
    headers: {
      ce_specversion: '1.0',
      ce_id: id.toString('hex'),
      ce_source: '/examples/node',
      ce_type: 'spanway.queue.enqueued.v1',
      'content-type': 'application/json',
      'spanway-call': id,
      // Below this offset this program has seen the log. If the record comes to stand more
      // than a million offsets behind it, all hosts refuse it.
      'spanway-seen': below
    }
  }
}

// Appends a call. After an unknown outcome it is the same call again, never another one: its
// first record decides, and those that follow change nothing. So nothing depends on the
// broker's own idempotence.
async function append(producer, record) {
  for (let i = 0; i < attempts; i++) {
    try {
      const sent = producer.send({ messages: [record] })
      return await Promise.race([sent, silent()])
    } catch (error) {
      console.error(`no acknowledgement (${error.message}): the same call again`)
      await setTimeout(1000)
    }
  }
  throw new Error('nothing is acknowledged')
}

async function silent() {
  await setTimeout(silence, undefined, { ref: false })
  throw new Error(`${silence / 1000} s of silence`)
}

// What the fold of the whole log says of an entry, now that the call is in the log.
function show(queue, entry) {
  const args = ['queue', 'show', queue, entry, '-o', 'json', '--brokers', bootstrapBrokers.join(','), '--prefix', prefix]
  return new Promise(resolve => {
    execFile('spanway', args, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr: stderr.trim() || error?.message }))
  })
}

// Tells whether the record at an offset is of this call.
async function isCall(consumer, offset, record) {
  const { topic } = record
  const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets: [{ topic, partition: 0, offset }] })
  for await (const at of stream) {
    return flat(at).headers.get('spanway-call')?.equals(record.headers['spanway-call']) ?? false
  }
}

// Tells whether an entry holds what was to be put in: then a repetition is no error. What is
// no plain text is shown in base64.
function holds(found, payload) {
  const text = found.payload === undefined ? Buffer.from(found.payload_base64 ?? '', 'base64') : bytes(found.payload)
  return text.equals(payload) && found.payload_type === type
}

// Puts an entry in, and returns its sequence number, or undefined if it is refused.
async function put(producer, consumer, queue, seen, entry, payload) {
  if (payload.length > limit) {
    console.error(`TOO_LARGE: the line has ${payload.length} bytes; at most ${limit} are allowed`)
    return undefined
  }
  const record = call(`${prefix}queue.${queue}`, seen, entry, payload)
  await append(producer, record)
  const { code, stdout, stderr } = await show(queue, entry)
  if (code === 1) {
    // It is not there: another took it out since or before, or the call was refused by a
    // rule of the queue.
    console.error(`${stderr}; if it never was in the queue, see \`spanway queue show ${queue}\` for its rules`)
    return undefined
  }
  if (code !== 0) throw new Error(stderr)
  // The sequence number of an entry is the offset of the call that put it in.
  const found = JSON.parse(stdout)
  const { seq } = found
  if (!(await isCall(consumer, BigInt(seq), record))) {
    if (!holds(found, payload)) {
      console.error(`DUPLICATE_ENTRY: ${entry} was put in before, at ${seq}, and holds something else`)
      return undefined
    }
    console.error(`${entry} was there, and holds the same`)
  }
  console.log(`${seq}  ${entry}`)
  return BigInt(seq)
}

async function topics() {
  const admin = new Admin({ clientId, bootstrapBrokers })
  try {
    return await admin.listTopics()
  } finally {
    await admin.close()
  }
}

// The lines of a stream of bytes, which may be any: each ends with LF, or with CR and LF.
async function* lines(input) {
  let parts = []
  const line = () => {
    const all = Buffer.concat(parts)
    parts = []
    return all.at(-1) === 0x0d ? all.subarray(0, -1) : all
  }
  for await (let chunk of input) {
    for (let end; (end = chunk.indexOf(0x0a)) >= 0; chunk = chunk.subarray(end + 1)) {
      parts.push(chunk.subarray(0, end))
      yield line()
    }
    if (chunk.length > 0) parts.push(chunk)
  }
  if (parts.length > 0) yield line()
}

async function main(queue, given) {
  const topic = `${prefix}queue.${queue}`
  // The group is this run's own: nothing is shared, nothing is committed.
  const groupId = `spanway-example-${randomUUID()}`
  const consumer = new Consumer({ clientId, bootstrapBrokers, groupId, autocommit: false, maxWaitTime: 500 })
  const serializers = { value: bytes, headerKey: bytes, headerValue: bytes }
  const producer = new Producer({ clientId, bootstrapBrokers, serializers, retries: 0 })
  let entry = ''
  let done = true
  try {
    if (!(await topics()).includes(topic)) {
      console.error(`UNKNOWN_QUEUE: ${queue}`)
      return 1
    }
    let [seen] = (await consumer.listOffsets({ topics: [topic] })).get(topic)
    for await (const line of lines(process.stdin)) {
      entry = given ?? randomUUID()
      given = undefined
      const seq = await put(producer, consumer, queue, seen, entry, line)
      if (seq === undefined) done = false
      else seen = seq + 1n
    }
    return done ? 0 : 1
  } catch (error) {
    console.error(`Kafka at ${bootstrapBrokers}: ${error.message}; put it in again under the ID ${entry}`)
    return 3
  } finally {
    await producer.close()
    await consumer.close(true)
  }
}

const [queue, given] = process.argv.slice(2)
if (queue === undefined) {
  console.error('usage: node enqueue.js QUEUE [ID]')
  process.exitCode = 2
} else {
  process.exitCode = await main(queue, given)
}
