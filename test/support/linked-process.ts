import { type ActorRef, actorSystem, isActorRef, nodeLink } from '../../runtime/index.ts'
import { dialWebSocket } from '../../runtime/link/ws/index.ts'

/** A node in a process of its own: dials, and sends numbered messages, small and large ones, until it is killed. */
const [url = '', incarnation = '1'] = process.argv.slice(2)
// Ends with the test's process, however that ends.
process.stdin.resume().once('end', () => process.exit())
const system = actorSystem({ name: 'device', incarnation: Number(incarnation) })
const own = system.spawn<unknown>('own', () => () => {}, { decode: (value) => value })
const entry = await new Promise<ActorRef<unknown>>((resolve) => {
  const link = nodeLink(system, {
    entry: own,
    onPeer({ entry: given }) {
      if (isActorRef<unknown>(given)) resolve(given)
    },
  })
  link.connect({ dial: dialWebSocket(url), rights: { mayStop: true } })
})
const numbers = { small: 0, large: 0 }
for (;;) {
  for (let count = 0; count < 10; count++) entry.tell({ life: Number(incarnation), small: numbers.small++ })
  const bulk = new Float64Array(40_000).fill(numbers.large)
  entry.tell({ life: Number(incarnation), large: numbers.large++, bulk })
  await new Promise((resolve) => setTimeout(resolve, 1))
}
