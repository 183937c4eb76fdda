import type { WebSocket } from 'ws'
import { type ActorRef, actorSystem, isActorRef, memoryRoute, nodeLink, systemClock } from '../../runtime/index.ts'
import { type BenchMessage, decodeBenchMessage, progress, turnMessages } from './bench-messages.ts'
import { answerOf, type Joined, turn, withResolvers } from './client.ts'

/** Number of batches after which a sender waits until all have come. */
const batchesAhead = 64

/** Tells messages to an actor of another process, a batch each turn. Returns the messages per second. */
export async function linkTells({ entry, ask }: Joined, count: number): Promise<number> {
  const began = performance.now()
  for (let sent = 0; sent < count; ) {
    const ahead = Math.min(count - sent, batchesAhead * turnMessages)
    const answer = ask((replyTo) => ({ type: 'expect', count: ahead, replyTo }))
    for (const end = sent + ahead; sent < end; ) {
      for (let one = 0; one < turnMessages; one++) entry.tell(progress(sent++))
      await turn()
    }
    await answer
  }
  return (1000 * count) / (performance.now() - began)
}

/** As `linkTells`, with bare messages, each of which is a batch that was encoded before. */
export async function rawBatches(socket: WebSocket, count: number): Promise<number> {
  const batch = await frameOfATurn()
  return answered(socket, count / turnMessages, count, () => socket.send(batch))
}

/** As `linkTells`, with a text in JSON for each message. */
export async function jsonMessages(socket: WebSocket, count: number): Promise<number> {
  let number = 0
  return answered(socket, count, count, () => socket.send(JSON.stringify([0, 5, progress(number++)])))
}

/** Sends a number of times, a turn's messages at a time, and waits as `linkTells` does. */
async function answered(socket: WebSocket, sends: number, count: number, send: () => void): Promise<number> {
  const began = performance.now()
  const inTurn = Math.ceil((turnMessages * sends) / count)
  for (let sent = 0; sent < sends; ) {
    const ahead = Math.min(sends - sent, batchesAhead * inTurn)
    const answer = answerOf(socket)
    socket.send(JSON.stringify({ expect: ahead }))
    for (const end = sent + ahead; sent < end; ) {
      for (let one = 0; one < inTurn; one++, sent++) send()
      await turn()
    }
    await answer
  }
  return (1000 * count) / (performance.now() - began)
}

/** The frame that a link makes of a turn's messages. */
async function frameOfATurn(): Promise<Uint8Array> {
  const [sender, receiver] = ['sender', 'receiver'].map((name) => actorSystem({ name, clock: systemClock() }))
  if (!sender || !receiver) throw new TypeError('there are two systems')
  const { promise, resolve } = withResolvers<ActorRef<BenchMessage>>()
  const entry = receiver.spawn<BenchMessage>('entry', () => () => {}, { decode: decodeBenchMessage })
  const [left, right] = memoryRoute()
  const frames: Uint8Array[] = []
  const noted = {
    send(frame: Uint8Array<ArrayBuffer>) {
      frames.push(frame.slice())
      left.send(frame)
    },
    listen: (listener: Parameters<typeof left.listen>[0]) => left.listen(listener),
    close: () => left.close(),
  }
  nodeLink(receiver, { entry }).accept(right, { mayStop: false })
  const link = nodeLink(sender, { onPeer: (peer) => isActorRef<BenchMessage>(peer.entry) && resolve(peer.entry) })
  link.dial('receiver', noted, { mayStop: false })
  const ref = await promise
  for (let number = 0; number < turnMessages; number++) ref.tell(progress(number))
  await turn()
  await Promise.all([sender.terminate(), receiver.terminate()])
  return frames.reduce((longest, frame) => (frame.length > longest.length ? frame : longest))
}
