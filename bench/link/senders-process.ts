import { weightCount } from './bench-messages.ts'
import { answering } from './child.ts'
import { dialOf, type Joined, join } from './client.ts'

/** Program: many nodes that join a server. Arguments: the server's port, and the number of nodes that join at a time. */
const [port = 0, atATime = 1] = process.argv.slice(2).map(Number)
const nodes: Joined[] = []

answering({
  /** Lets this many nodes join. Returns the seconds. */
  async join(count) {
    const began = performance.now()
    let begun = 0
    const joinSome = async () => {
      while (begun < count) {
        begun += 1
        nodes.push(await join(dialOf(port)))
      }
    }
    await Promise.all(Array.from({ length: atATime }, joinSome))
    return (performance.now() - began) / 1000
  },
  /** Sends one update from each node. */
  async send() {
    for (const [index, { entry }] of nodes.entries())
      entry.tell({ type: 'update', weights: new Float32Array(weightCount).fill(index / 1000), isAdded: true })
    return 0
  },
})
process.send?.({ ready: 1 })
