import { release } from '../../runtime/index.ts'
import { anything, type Joined } from './client.ts'

/** Sends weights to the server, and waits for the server's; the arrays that come are lent, used, and released. */
export function weightsExchange({ system, entry }: Joined): (weights: Float32Array) => Promise<void> {
  let came = () => {}
  const receiver = system.spawn<unknown>(
    'receiver',
    () => (message) => {
      release(message)
      came()
    },
    { decode: anything, borrows: true },
  )
  return (weights) =>
    new Promise((resolve) => {
      came = resolve
      entry.tell({ type: 'echo', weights, replyTo: receiver })
    })
}
