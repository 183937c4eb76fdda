import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  actorSystem,
  type DialRoute,
  dialThroughHub,
  isActorRef,
  nodeLink,
  type Route,
  serveAtHub,
} from '../../runtime/index.ts'
import { dialWebSocket } from '../../runtime/link/ws/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { accepting } from '../support/web-sockets.ts'
import { codeBlocksOf, namedFilesOf, writeFiles } from './code-blocks.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const rights = { mayStop: true }

/** Runs a program of the page, which says its port. */
async function started(folder: string, file: string, env: NodeJS.ProcessEnv): Promise<[ChildProcess, number]> {
  const child = spawn(process.execPath, [join(folder, file)], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  return [child, Number(/port (\d+)/.exec(String(line))?.[1])]
}

/** Joins two nodes, and returns the answer of the one that accepts. */
async function greeting(dial: DialRoute, serve: (onRoute: (route: Route) => void) => void): Promise<unknown> {
  const [server, device] = [actorSystem({ name: 'server' }), actorSystem({ name: 'device' })]
  const entry = server.spawn<unknown>(
    'entry',
    () => (replyTo) => {
      if (isActorRef<unknown>(replyTo)) replyTo.tell('welcome')
    },
    { decode: (value) => value },
  )
  const link = nodeLink(server, { entry })
  serve((route) => link.accept(route, rights))
  const met = await new Promise<unknown>((resolve) =>
    nodeLink(device, { onPeer: (peer) => resolve(peer.entry) }).connect({ dial, rights }),
  )
  if (!isActorRef<unknown>(met)) throw new TypeError('the server has no entry')
  const answer = await device.ask<unknown, unknown>(met, (replyTo) => replyTo, {
    timeoutMs: 60_000,
    decode: (value) => value,
  })
  await Promise.all([server.terminate(), device.terminate()])
  return answer
}

test('the programs of the page about networks join nodes', async (t) => {
  await using folder = await temporaryFolder()
  await writeFiles(namedFilesOf(codeBlocksOf('docs/networks.md')), folder.path)
  await mkdir(join(folder.path, 'node_modules'))
  await symlink(root, join(folder.path, 'node_modules/flame-fl'))
  const [hub, port] = await started(folder.path, 'hub.mjs', { HUB_TOKEN: 'secret' })
  const toHub = dialWebSocket(`ws://127.0.0.1:${port}`)
  let stop = () => {}
  const throughHub = await greeting(dialThroughHub(toHub, 'server'), (onRoute) => {
    stop = serveAtHub({ dial: toHub, name: 'server', token: 'secret', onRoute })
  })
  t.is(throughHub, 'welcome')
  stop()
  let onRoute: (route: Route) => void = () => {}
  await using at = await accepting({ onRoute: (route) => onRoute(route) })
  const program = namedFilesOf(codeBlocksOf('docs/networks.md')).get('faults.mjs') ?? ''
  await writeFiles(new Map([['faults.mjs', program.replace('port: 10100', `port: ${at.port}`)]]), folder.path)
  const [faults, faultyPort] = await started(folder.path, 'faults.mjs', {})
  const throughFaults = await greeting(dialWebSocket(`ws://127.0.0.1:${faultyPort}`), (take) => {
    onRoute = take
  })
  t.is(throughFaults, 'welcome')
  for (const child of [hub, faults]) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})
