import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { zipped } from '../support/stored-job.ts'
import type { Target } from './target.ts'

/** One way to harm a control plane. `size` is a fraction of the full load. */
export interface Attack {
  readonly name: string
  readonly what: string
  /** Attacks, and answers with the attacker's unlawful gains. */
  run(target: Target, size: number): Promise<readonly string[]>
}

const user = 'mallory'
const designs = `/users/${user}/designs`

/** Each load, at full size, that once stalled, filled or ended a server. */
export const attacks: readonly Attack[] = [
  {
    name: 'upgrades',
    what: '3,000 requests to upgrade a connection, without a token',
    async run(target, size) {
      const sockets = await opened(target, 3000 * size)
      for (const socket of sockets)
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      const closed = Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')))
      await Promise.race([closed, setTimeout(15_000)])
      const open = sockets.filter(({ closed }) => !closed).length
      destroyAll(sockets)
      return open === 0 ? [] : [`${open} of ${sockets.length} connections stay open`]
    },
  },
  {
    name: 'channels',
    what: 'schemas of 1,600 and 5,000 channels',
    async run(target, size) {
      const headers = await target.bearer(user, 'user')
      await target.send('POST', designs, JSON.stringify({ id: 'channels' }), headers)
      for (const count of [1600, 5000])
        await target.send('POST', `${designs}/channels/schema`, manyChannels(Math.round(count * size)), headers)
      return []
    },
  },
  {
    name: 'faults',
    what: 'four bodies of 1 MB with 500,000 faults each',
    async run(target, size) {
      const headers = await target.bearer(user, 'user')
      const roles = `[${Array.from({ length: Math.round(500_000 * size) }, () => '1').join(',')}]`
      await target.send('POST', designs, JSON.stringify({ id: 'faults' }), headers)
      const body = `{"name":"n","roles":${roles},"channels":[]}`
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => target.send('POST', `${designs}/faults/schema`, body, headers)),
      )
      return answers.filter(({ bytes }) => bytes > 100_000).map(({ bytes }) => `an answer of ${bytes} bytes`)
    },
  },
  {
    name: 'specification',
    what: 'a job of 330,000 hyperparameters, JSON 100,000 deep, and 200 looks at its status',
    async run(target, size) {
      const headers = await target.bearer(user, 'user')
      const dataset = await runnableDesign(target, headers)
      const many = Array.from({ length: Math.round(330_000 * size) }, () => '[]').join(',')
      const depth = Math.round(100_000 * size)
      const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
      for (const [id, value] of [
        ['many', `[${many}]`],
        ['deep', deep],
      ])
        await target.send('POST', `/users/${user}/jobs`, jobOf(`${id}`, dataset, `{"x":${value}}`), headers)
      for (let looks = 0; looks < 100; looks++)
        await Promise.all(
          ['many', 'deep'].map((id) => target.send('GET', `/users/${user}/jobs/${id}/status`, undefined, headers)),
        )
      return []
    },
  },
  {
    name: 'audit',
    what: '125,000 requests without a token, then a look for the change that came before them',
    async run(target, size) {
      const headers = await target.bearer(user, 'user')
      await target.send('POST', designs, JSON.stringify({ id: 'remembered' }), headers)
      await inTurns(64, 125_000 * size, () => target.send('GET', '/users/a/designs').then(() => {}))
      const admin = await target.bearer('admin', 'admin')
      const { text } = await target.send('GET', '/audit?limit=10', undefined, admin)
      return text.includes(designs) ? [] : ['the change is no more in the audit log']
    },
  },
  {
    name: 'unfinished',
    what: '2,000 bodies that never end, and 2,050 long polls of one compute',
    async run(target, size) {
      const { authorization } = await target.bearer(user, 'user')
      const compute = { ...(await target.bearer(user, 'compute')), 'x-api-key': 'k' }
      const registration = { adminId: user, region: 'r', apiKey: 'k', computeId: 'c' }
      await target.send('POST', '/computes', JSON.stringify(registration), compute)
      const sockets = await opened(target, 2000 * size)
      const head = `POST ${designs} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n`
      for (const socket of sockets)
        socket.write(`${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`)
      const polls = await opened(target, 2050 * size)
      const poll = `GET /computes/c/notifications?waitMs=20000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${compute.authorization}\r\nX-API-KEY: k\r\n\r\n`
      for (const socket of polls) socket.write(poll)
      await setTimeout(2000)
      const admin = await target.bearer('admin', 'admin')
      const wrong: string[] = []
      for (const path of ['/metrics', '/healthz', '/readyz', '/audit?limit=1']) {
        const { status } = await target.send('GET', path, undefined, admin)
        if (status !== 200) wrong.push(`GET ${path} of an administrator is answered ${status}`)
      }
      destroyAll(sockets)
      destroyAll(polls)
      return wrong
    },
  },
  {
    name: 'urls',
    what: '300 public datasets, each with a URL of 1 MB, and a list of them',
    async run(target, size) {
      const headers = await target.bearer(user, 'user')
      const url = `file:///${'x'.repeat(1_000_000)}`
      const dataset = JSON.stringify({ url, dataFormat: 'csv', realm: 'default', isPublic: true })
      await inTurns(4, 300 * size, () =>
        target.send('POST', '/users/mallory/datasets', dataset, headers).then(() => {}),
      )
      const { status, bytes } = await target.send('GET', '/datasets', undefined, headers)
      return [
        ...(status === 200 ? [] : [`GET /datasets is answered ${status}`]),
        ...(bytes > 5 * 1024 * 1024 ? [`GET /datasets is answered with ${bytes} bytes`] : []),
      ]
    },
  },
]

async function opened(target: Target, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let n = 0; n < Math.round(count); n++) {
    const socket = await target.socket()
    socket.resume()
    sockets.push(socket)
  }
  return sockets
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy()
}

/** Runs work a number of times, some runs at a time. */
async function inTurns(atOnce: number, times: number, act: () => Promise<void>): Promise<void> {
  let left = Math.round(times)
  const turn = async () => {
    while (left-- > 0) await act()
  }
  await Promise.all(Array.from({ length: atOnce }, turn))
}

function manyChannels(count: number): string {
  const channels = Array.from({ length: count }, (_, n) => ({ name: `c${n}`, pair: ['a', 'b'] }))
  return JSON.stringify({ name: 'n', roles: [{ name: 'a' }, { name: 'b', isDataConsumer: true }], channels })
}

function jobOf(id: string, dataset: string, hyperparameters: string): string {
  const dataSpec = JSON.stringify([{ role: 'trainer', datasetGroups: { default: [dataset] } }])
  return `{"id":"${id}","designId":"d","backend":"ws","dataSpec":${dataSpec},"modelSpec":{"hyperparameters":${hyperparameters}}}`
}

/** Answers with a dataset that a job of the design may name. */
async function runnableDesign(target: Target, headers: Readonly<Record<string, string>>): Promise<string> {
  const schema = {
    name: 'two-tier',
    roles: [{ name: 'aggregator' }, { name: 'trainer', isDataConsumer: true }],
    channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
  }
  const code = zipped({ 'aggregator/index.js': '//', 'trainer/index.js': '//' })
  const boundary = 'x'.repeat(30)
  const part = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`
  const form = Buffer.concat([
    Buffer.from(`${part('name="fileName"')}code.zip\r\n${part('name="fileData"; filename="code.zip"')}`),
    code,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  await target.send('POST', designs, '{"id":"d"}', headers)
  await target.send('POST', `${designs}/d/schema`, JSON.stringify(schema), headers)
  const type = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  await target.send('POST', `${designs}/d/code`, form, { ...headers, ...type })
  const dataset = JSON.stringify({ url: 'file:///0', dataFormat: 'csv', realm: 'default' })
  const { text } = await target.send('POST', `/users/${user}/datasets`, dataset, headers)
  const id: unknown = JSON.parse(text)
  return String(id)
}
