/** Node's `setImmediate` by messages, since a browser delays the time-outs of a hidden page, but not its messages. */
const { port1, port2 } = new MessageChannel()
const waiting = new Set()
port1.addEventListener('message', () => {
  const [first] = waiting
  waiting.delete(first)
  first?.callback()
})
port1.start()

export function setImmediate(callback) {
  const immediate = { callback }
  waiting.add(immediate)
  port2.postMessage(undefined)
  return immediate
}

export function clearImmediate(immediate) {
  waiting.delete(immediate)
}
