import nact from 'nact'
import { type Contender, gate, heapBytes, rate } from './contender.ts'

/** nact alone, with its default supervision. */
export const rawNact: Contender = {
  tell: (messages) =>
    within(async (system) => {
      const { opened, pass } = gate(messages)
      return flood(nact.spawn(system, pass, 'taker'), messages, opened)
    }),

  tellWideParent: (messages, children) =>
    within(async (system) => {
      const { opened, pass } = gate(messages)
      const parent = nact.spawn(system, pass, 'parent')
      for (let child = 0; child < children; child++) nact.spawn(parent, () => {}, String(child))
      return flood(parent, messages, opened)
    }),

  ask: (roundTrips) =>
    within(async (system) => {
      const echo = nact.spawn(system, (_: unknown, replyTo: nact.Ref<number>) => nact.dispatch(replyTo, 1), 'echo')
      const request = (replyTo: nact.Ref<number>) => replyTo
      const began = performance.now()
      for (let trip = 0; trip < roundTrips; trip++) await nact.query(echo, request, 10_000)
      return rate(roundTrips, began)
    }),

  pingPong: (roundTrips) =>
    within(async (system) => {
      const { opened, pass } = gate(roundTrips)
      const pong = nact.spawn(system, (_: unknown, sender: nact.Ref<number>) => nact.dispatch(sender, 1), 'pong')
      const pinger = (_: unknown, __: number, { self }: { readonly self: nact.Ref<number> }) => {
        pass()
        nact.dispatch(pong, self)
      }
      const ping = nact.spawn(system, pinger, 'ping')
      const began = performance.now()
      nact.dispatch(ping, 0)
      await opened
      return rate(roundTrips, began)
    }),

  spawn: (actors) =>
    within(async (system) => {
      const began = performance.now()
      for (let actor = 0; actor < actors; actor++) nact.spawn(system, () => {}, String(actor))
      return rate(actors, began)
    }),

  fanOut: (actors) =>
    within(async (system) => {
      const { opened, pass } = gate(actors)
      const refs = Array.from({ length: actors }, (_, actor) => nact.spawn(system, pass, String(actor)))
      const teller = (_: unknown, message: number) => {
        for (const ref of refs) nact.dispatch(ref, message)
      }
      const from = nact.spawn(system, teller, 'teller')
      const began = performance.now()
      nact.dispatch(from, 1)
      await opened
      return rate(actors, began)
    }),

  bytesPerActor: (actors) =>
    within(async (system) => {
      const { opened, pass } = gate(actors)
      const before = await heapBytes()
      const refs = Array.from({ length: actors }, (_, actor) => nact.spawn(system, pass, String(actor)))
      for (const ref of refs) nact.dispatch(ref, 1)
      await opened
      return ((await heapBytes()) - before) / refs.length
    }),
}

async function flood(ref: nact.Ref<number>, messages: number, taken: Promise<void>): Promise<number> {
  const began = performance.now()
  for (let message = 0; message < messages; message++) nact.dispatch(ref, message)
  await taken
  return rate(messages, began)
}

async function within(work: (system: nact.ActorSystemRef) => Promise<number>): Promise<number> {
  const system = nact.start()
  const result = await work(system)
  nact.stop(system)
  return result
}
