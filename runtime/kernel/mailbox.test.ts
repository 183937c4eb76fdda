import test from 'ava'
import fc from 'fast-check'
import { FifoMailbox, ScheduledMailbox } from './mailbox.ts'
import { seededScheduler } from './turns.ts'

interface Sent {
  readonly sender: number
  readonly number: number
}

/** Senders 1 to 3. 0 is an unknown sender. */
const sending = fc.array(fc.nat({ max: 3 }), { maxLength: 60 })

function delivered(senders: readonly number[], seed: number): Sent[] {
  const mailbox = new ScheduledMailbox<Sent>(seededScheduler(seed))
  for (const [number, sender] of senders.entries()) mailbox.push({ sender, number }, sender)
  return Array.from({ length: mailbox.length }, () => mailbox.take()).filter((message) => message !== undefined)
}

test('a scheduled mailbox delivers all once, each sender in order, and nothing across a message of an unknown sender', (t) => {
  fc.assert(
    fc.property(sending, fc.nat(), (senders, seed) => {
      const order = delivered(senders, seed)
      t.deepEqual(
        order.map(({ number }) => number).toSorted((a, b) => a - b),
        senders.map((_, number) => number),
      )
      for (const [place, message] of order.entries()) {
        for (const later of order.slice(place + 1)) {
          if (later.sender === message.sender || later.sender === 0 || message.sender === 0)
            t.true(message.number < later.number)
        }
      }
    }),
  )
})

test('a scheduled mailbox permutes what different senders sent', (t) => {
  const orders = Array.from({ length: 20 }, (_, seed) =>
    delivered([1, 2, 3, 1, 2, 3], seed).map(({ number }) => number),
  )
  t.true(new Set(orders.map(String)).size > 5)
})

test('a plain mailbox delivers in the order of pushing, also while it fills and empties', (t) => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (pushes) => {
      const mailbox = new FifoMailbox<number>()
      let [pushed, taken] = [0, 0]
      for (const push of pushes) {
        if (push) mailbox.push(pushed++)
        else if (mailbox.length > 0) t.is(mailbox.take(), taken++)
        t.is(mailbox.length, pushed - taken)
      }
    }),
  )
})
