import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { actorSystem } from '../../runtime/index.ts'
import { notebook } from './notebook.ts'

/**
 * A process that tells a durable notebook the numbers after those it holds, some at a time, and prints each that is
 * acknowledged, until it's killed: `notebook-writer <folder>`.
 */
const [, , folder = ''] = process.argv
const together = 20

const system = actorSystem()
const store = await lmdbStore(folder)
let next = 0
let outstanding = 0

const client = system.spawn<string>('client', () => (reply) => {
  process.stdout.write(`${reply.slice('added '.length)}\n`)
  outstanding -= 1
  tellMore()
})
const ref = system.spawn('notebook', notebook({ store, snapshotEvery: 50, onRecovered: begin }))

function begin(numbers: readonly number[]): void {
  next = numbers.length
  setImmediate(tellMore)
}

function tellMore(): void {
  while (outstanding < together) {
    outstanding += 1
    ref.tell({ type: 'add', numbers: [next++], replyTo: client })
  }
}
