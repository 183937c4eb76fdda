import { type ActorRef, type ActorSystem, actorSystem, type Behavior, type SpawnOptions } from '../../runtime/index.ts'
import { type Contender, gate, heapBytes, rate } from './contender.ts'

const supervised: SpawnOptions = { supervise: { type: 'restart', max: 3, withinMs: 1000 } }

/** flame-fl's kernel, with supervision of each actor. */
export const own: Contender = {
  tell: (messages) =>
    within(async (system) => {
      const { opened, pass } = gate(messages)
      return flood(
        system,
        system.spawn<number>('taker', () => pass, supervised),
        messages,
        opened,
      )
    }),

  tellWideParent: (messages, children) =>
    within(async (system) => {
      const { opened, pass } = gate(messages)
      const behavior: Behavior<number> = (context) => {
        for (let child = 0; child < children; child++) context.spawn<number>(String(child), () => () => {}, supervised)
        return pass
      }
      return flood(system, system.spawn('parent', behavior, supervised), messages, opened)
    }),

  ask: (roundTrips) =>
    within(async (system) => {
      const echo = system.spawn<ActorRef<number>>('echo', () => (replyTo) => replyTo.tell(1), supervised)
      const request = (replyTo: ActorRef<number>) => replyTo
      await system.idle()
      const began = performance.now()
      for (let trip = 0; trip < roundTrips; trip++) await system.ask(echo, request, { timeoutMs: 10_000 })
      return rate(roundTrips, began)
    }),

  pingPong: (roundTrips) =>
    within(async (system) => {
      const { opened, pass } = gate(roundTrips)
      const pong = system.spawn<ActorRef<number>>('pong', () => (sender) => sender.tell(1), supervised)
      const pinger: Behavior<number> = ({ self }) => {
        return () => {
          pass()
          pong.tell(self)
        }
      }
      const ping = system.spawn('ping', pinger, supervised)
      await system.idle()
      const began = performance.now()
      ping.tell(0)
      await opened
      return rate(roundTrips, began)
    }),

  spawn: (actors) =>
    within(async (system) => {
      const { opened, pass } = gate(actors)
      const behavior: Behavior<number> = () => {
        pass()
        return () => {}
      }
      const began = performance.now()
      for (let actor = 0; actor < actors; actor++) system.spawn(String(actor), behavior, supervised)
      await opened
      return rate(actors, began)
    }),

  fanOut: (actors) =>
    within(async (system) => {
      const { opened, pass } = gate(actors)
      const refs = Array.from({ length: actors }, (_, actor) =>
        system.spawn<number>(String(actor), () => pass, supervised),
      )
      const teller: Behavior<number> = () => (message) => {
        for (const ref of refs) ref.tell(message)
      }
      const from = system.spawn('teller', teller, supervised)
      await system.idle()
      const began = performance.now()
      from.tell(1)
      await opened
      return rate(actors, began)
    }),

  bytesPerActor: (actors) =>
    within(async (system) => {
      const behavior: Behavior<number> = () => () => {}
      const before = await heapBytes()
      const refs = Array.from({ length: actors }, (_, actor) => system.spawn(String(actor), behavior, supervised))
      await system.idle()
      for (const ref of refs) {
        ref.tell(1)
        await system.idle()
      }
      return ((await heapBytes()) - before) / refs.length
    }),
}

async function flood(system: ActorSystem, ref: ActorRef<number>, messages: number, taken: Promise<void>) {
  await system.idle()
  const began = performance.now()
  for (let message = 0; message < messages; message++) ref.tell(message)
  await taken
  return rate(messages, began)
}

async function within(work: (system: ActorSystem) => Promise<number>): Promise<number> {
  const system = actorSystem()
  const result = await work(system)
  await system.terminate()
  return result
}
