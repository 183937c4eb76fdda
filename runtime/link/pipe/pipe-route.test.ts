import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { Route } from '../frame.ts'
import { heardBy, routeContract } from '../route.contract.ts'
import { pipeRoute } from './index.ts'

/** Sockets of the kind that joins a process to its child. */
async function pipes(onPipe: (pipe: Socket) => void) {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'pipe')
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (pipe) => {
    open.add(pipe)
    onPipe(pipe)
  }).listen(path)
  await once(server, 'listening')
  return {
    async dial(signal = new AbortController().signal): Promise<Socket> {
      signal.throwIfAborted()
      const pipe = connect({ path, allowHalfOpen: true })
      open.add(pipe)
      await once(pipe, 'connect')
      return pipe
    },
    async [Symbol.asyncDispose]() {
      for (const pipe of open) pipe.destroy()
      server.close()
      await once(server, 'close')
      await folder[Symbol.asyncDispose]()
    },
  }
}

routeContract(test, 'pipe', async (onRoute) => {
  const opened = await pipes((pipe) => onRoute(pipeRoute(pipe)))
  return {
    dial: async (_lane, signal) => pipeRoute(await opened.dial(signal)),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

test('a pipe that announces too large a frame, or ends within one, is a lost route with its reason', async (t) => {
  let made = (_route: Route) => {}
  await using opened = await pipes((pipe) => made(pipeRoute(pipe)))
  const next = async () => {
    const accepted = new Promise<Route>((resolve) => (made = resolve))
    const pipe = await opened.dial()
    return { pipe, heard: heardBy(await accepted) }
  }
  const large = await next()
  large.pipe.write(Uint8Array.of(0, 0, 0, 1))
  t.regex(String(await large.heard.lost), /16777216 bytes/)
  for (const bytes of [
    [4, 0],
    [4, 0, 0, 0, 1],
  ]) {
    const cut = await next()
    cut.pipe.end(Uint8Array.from(bytes))
    t.regex(String(await cut.heard.lost), /within a frame/)
    t.is(cut.heard.frames.length, 0)
  }
  const byBytes = await next()
  for (const byte of [3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0]) {
    byBytes.pipe.write(Uint8Array.of(byte))
    await delay(0)
  }
  byBytes.pipe.end()
  t.is(await byBytes.heard.lost, undefined)
  t.deepEqual(byBytes.heard.frames, [Uint8Array.of(7, 8, 9), new Uint8Array()])
})
