import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { accepting, openWs } from '../../../test/support/web-sockets.ts'
import { type ActorRef, actorSystem, isActorRef, nodeLink, type Terminated } from '../../index.ts'
import { sessionContract } from '../session.contract.ts'

const slow = { delayMs: 3, jitterMs: 6, bytesPerSecond: 40_000_000 }
const cutting = { delayMs: 1, cutEveryMs: 150, lateShare: 0.5, lateMs: 20 }
const damaging = { cutEveryMs: 1000, damagedShare: 0.01 }

sessionContract(test, 'ws', openWs())
sessionContract(test, 'ws over a slow network', openWs({ faults: slow }))
sessionContract(test, 'ws over a network that cuts', openWs({ faults: cutting }))
sessionContract(test, 'ws with check sums over a network that damages', openWs({ faults: damaging, isRelayed: true }))
sessionContract(test, 'wss over a network that damages', openWs({ faults: damaging, isSecure: true }))

test('processes that are killed in the midst of large messages leave no gap, and each life ends once', async (t) => {
  const lives = 4
  const received: unknown[] = []
  const ends: Terminated[] = []
  const system = actorSystem({ name: 'server' })
  const entry = system.spawn<unknown>('entry', () => (message) => void received.push(message), {
    decode: (value) => value,
  })
  const link = nodeLink(system, {
    entry,
    onPeer({ entry: given, nodeIncarnation }) {
      if (isActorRef<unknown>(given)) watch(given, nodeIncarnation)
    },
  })
  function watch(ref: ActorRef<unknown>, life: number): void {
    system.spawn<Terminated>(`watcher-${life}`, (context) => {
      context.watch(ref, (terminated) => terminated)
      return (terminated) => void ends.push(terminated)
    })
  }
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const of = (life: number, kind: string) =>
    received.filter((message) => Object(message).life === life && kind in Object(message))
  await using at = await accepting({ onRoute: (route) => link.accept(route, { mayStop: true }) })
  const program = fileURLToPath(new URL('../../../test/support/linked-process.js', import.meta.url))
  for (let life = 1; life <= lives; life++) {
    const child = spawn(process.execPath, [program, `ws://127.0.0.1:${at.port}`, String(life)], {
      stdio: ['pipe', 'inherit', 'inherit'],
    })
    await until(() => of(life, 'large').length >= 5 * life)
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.is(ends.length, life - 1, 'a life is only known to have ended when the next one greets')
  }
  link.declareDead('device')
  await until(() => ends.length === lives)
  await system.idle()
  t.is(ends.length, lives)
  t.true(ends.every(({ cause }) => Object(cause).code === 'LINK_NODE_ENDED'))
  for (let life = 1; life <= lives; life++)
    for (const kind of ['small', 'large'])
      t.deepEqual(
        of(life, kind).map((message): number => Object(message)[kind]),
        [...of(life, kind).keys()],
      )
  t.true(
    received.every(
      (message) => Object(message).bulk?.every((value: number) => value === Object(message).large) ?? true,
    ),
  )
  await system.terminate()
})

test('a process ends by itself once its systems and its server have ended, although a route came late', async (t) => {
  const program = fileURLToPath(new URL('../../../test/support/ending-process.js', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [status] = await once(child, 'close')
  t.deepEqual([status, out], [0, 'left to end\n'])
})
