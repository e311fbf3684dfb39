// What counts in spanway.tasks.events, by the rule "Owned logs" of docs/wire.md.
// Any reader that applies it to the same records comes to the same answer,
// whatever a former owner still sends.
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import xxhash from 'xxhash-wasm'

const { create64 } = await xxhash()
const claimed = 'spanway.log.claimed.v1'
const schemas = await loadSchemas(['task', 'engine', 'log', 'pool', 'ids'])

// Decides what counts in one partition. It is given every record, in order.
export class Judge {
  #history
  #epoch = 0
  #header
  #batch = []

  constructor(begin) {
    // At offset 0 the history is 0. Elsewhere it is known from the first batch on
    // that landed where its writer expected it.
    if (begin === 0n) this.#history = 0n
  }

  // Returns the records of the batch that this one completes, if it counts.
  add(record) {
    if (record.headers.has('spanway-log')) {
      this.#batch = [] // What came before was cut short.
      this.#header = parse(record.headers.get('spanway-log'))
      if (!this.#header) return []
    } else if (this.#batch.length === 0) {
      return [] // It belongs to no batch.
    }
    this.#batch.push(record)
    if (this.#batch.length < this.#header.records) return []
    const batch = this.#batch
    this.#batch = []
    return this.#counts(batch) ? batch : []
  }

  #counts(batch) {
    const { at, prev, hash, epoch } = this.#header
    const claim = batch.some(r => typeOf(r) === claimed)
    if (claim && !isClaim(batch)) return false
    if (this.#history === undefined) {
      if (at !== batch[0].offset) return false
      this.#history = prev
      this.#epoch = claim ? epoch - 1 : epoch
    }
    if (claim && epoch === this.#epoch + 1) {
      this.#history = historyAfter(this.#history, batch)
      this.#epoch = epoch
      return true
    }
    if (!claim && epoch === this.#epoch && epoch > 0 && prev === this.#history) {
      this.#history = hash
      return true
    }
    return false
  }
}

// What is used of a record, with the names of its headers as strings.
export function flat({ offset, value, headers }) {
  return { offset, value, headers: new Map([...headers].map(([name, v]) => [name.toString(), v])) }
}

export function typeOf(record) {
  return record.headers.get('ce_type')?.toString() ?? ''
}

// The data of a record, JSON or protobuf, or undefined if it cannot be read.
export function decode(record) {
  const [, noun, fact] = typeOf(record).split('.')
  const name = `_${noun}_${fact}`.replace(/_(.)/g, (_, first) => first.toUpperCase())
  try {
    const schema = schemas.lookupType(`spanway.v1.${name}`)
    const json = record.headers.get('content-type')?.toString().startsWith('application/json')
    return json ? schema.fromObject(JSON.parse(record.value)) : schema.decode(record.value)
  } catch {
    return undefined // An unknown type or data that is none: it counts, and says nothing.
  }
}

function parse(mark) {
  if (mark?.length !== 32 || mark.readUInt32BE(28) === 0) return undefined
  return {
    at: mark.readBigUInt64BE(0),
    prev: mark.readBigUInt64BE(8),
    hash: mark.readBigUInt64BE(16),
    epoch: mark.readUInt32BE(24),
    records: mark.readUInt32BE(28)
  }
}

function isClaim(batch) {
  return batch.length === 1 && !batch[0].headers.has('spanway-inputs') && decode(batch[0])?.claimId?.length === 16
}

// H(before, batch): the hash of everything that counted, with this batch.
function historyAfter(before, batch) {
  const hash = create64()
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(before)
  hash.update(number)
  const parts = [batch[0].headers.get('spanway-inputs')]
  for (const record of batch) parts.push(record.headers.get('ce_type'), record.value)
  for (const part of parts) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part?.length ?? 0xffffffff)
    hash.update(length)
    if (part) hash.update(part)
  }
  return hash.digest()
}

async function loadSchemas(names) {
  const folder = fileURLToPath(new URL('../../../pkg/events/proto/', import.meta.url))
  const root = new protobuf.Root()
  root.resolvePath = (_, target) => (target.startsWith('google/') ? target : folder + target)
  return root.load(names.map(name => `spanway/v1/${name}.proto`))
}
