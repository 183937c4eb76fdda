import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import test from 'ava'
import { apiStage } from '../../test/support/api-stage.ts'
import { accounts, localAccounts } from './local-accounts.ts'

const ends = { localAddress: '127.0.0.1', localPort: 40_000, remoteAddress: '127.0.0.1', remotePort: 10_100 }
const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: string, remote: string, account: number, inode: number) =>
  `   1: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${account}        0 ${inode} 1 0000000066a42254 20 4 30 10 -1\n`
const [caller, server] = ['0100007F:9C40', '0100007F:2774']
const mapped = (end: string) => `0000000000000000FFFF0000${end}`

/** Little-endian tables, whatever this machine is. */
function found(tcp: string, tcp6 = '', at: typeof ends = ends) {
  const looks: string[] = []
  async function* read(name: 'tcp' | 'tcp6') {
    looks.push(name)
    const text = head + (name === 'tcp' ? tcp : tcp6)
    // No piece ends where a line does.
    for (let from = 0; from < text.length; from += 37) yield text.slice(from, from + 37)
  }
  return accounts(read)(at).then((account) => ({ account, looks }))
}

test('the account of a connection is that of its other end, in the tables of the kernel', async (t) => {
  const [own, other] = [line(server, caller, 1, 7), line(caller, server, 1000, 8)]
  t.like(await found(own + other), { account: 1000 })
  t.like(await found(own, line(mapped(caller), mapped(server), 1001, 9)), { account: 1001 }, 'IPv4 by a socket of IPv6')
  const six = { ...ends, localAddress: '::1', remoteAddress: '::1' }
  const one = '00000000000000000000000001000000'
  t.like(await found('', line(`${one}:9C40`, `${one}:2774`, 1002, 9), six), { account: 1002, looks: ['tcp6'] })
  t.like(await found(own, '', { ...ends, localAddress: '::ffff:127.0.0.1' }), { account: undefined })
})

test('a connection whose program has closed it is nobody’s, though the kernel shows root for it', async (t) => {
  const { account, looks } = await found(line(caller, server, 0, 0))
  t.is(account, undefined)
  t.true(looks.length > 2, 'it looks again: an entry may be passed over')
  t.like(await found(line(caller, server, 0, 0) + line(caller, server, 1000, 8)), { account: 1000 })
})

test('a table that is being read answers nobody who came later, and the next answers all of them', async (t) => {
  const begun: ((table: string) => void)[] = []
  const accountOf = accounts(async function* () {
    yield await new Promise<string>((resolve) => void begun.push(resolve))
  })
  const other = { ...ends, localPort: 40_001 }
  const first = accountOf(ends)
  while (begun.length < 1) await new Promise(setImmediate)
  const later = [accountOf(ends), accountOf(other), accountOf(ends)]
  begun[0]?.(line(caller, server, 1, 7))
  t.is(await first, 1)
  while (begun.length < 2) await new Promise(setImmediate)
  begun[1]?.(line(caller, server, 2, 7) + line('0100007F:9C41', server, 3, 8))
  t.deepEqual(await Promise.all(later), [2, 3, 2])
  t.is(begun.length, 2)
})

test('a table is read no further than to the connections that are looked for', async (t) => {
  let pieces = 0
  let closed = 0
  const accountOf = accounts(async function* () {
    try {
      for (const text of [
        head,
        line(server, caller, 1, 7),
        line(caller, server, 0, 0),
        line(caller, server, 2, 8),
        '',
        '',
      ]) {
        pieces += 1
        yield text
      }
    } finally {
      closed += 1
    }
  })
  t.is(await accountOf(ends), 2)
  t.deepEqual([pieces, closed], [4, 1])
})

const onLinux = process.platform === 'linux' ? test : test.skip
const asRoot = process.geteuid?.() === 0 ? onLinux : test.skip
onLinux('a real connection is found to be this account’s, and refused by a server of another', async (t) => {
  const [own, none] = [process.geteuid?.() ?? -1, 54_321]
  const asks = createServer().listen(0, '127.0.0.1')
  await once(asks, 'listening')
  const address = asks.address()
  const accepted = once(asks, 'connection')
  const socket = connect(Object(address).port, '127.0.0.1')
  const [peer] = await accepted
  await (await localAccounts(own))?.admit(peer)
  // Root is let in everywhere.
  const foreign = (await localAccounts(none))?.admit(peer)
  if (own === 0) await t.notThrowsAsync(async () => foreign)
  else await t.throwsAsync(async () => foreign, { code: 'API_FOREIGN_ACCOUNT' })
  socket.destroy()
  asks.close()
  await once(asks, 'close')
})

asRoot(
  'another account of this machine is refused whatever it asks but health, unless the server is shared',
  async (t) => {
    const paths = ['/users/u/designs', '/metrics', '/computes?adminId=a', '/healthz', '/openapi.json']
    for (const [options, expected] of [
      [{}, [403, 403, 403, 200, 200]],
      [{ shared: true }, [200, 200, 200, 200, 200]],
    ] as const) {
      await using api = await apiStage('memory', options)
      t.deepEqual(await statusesFor(api.url, paths), expected)
      t.is((await api.call('GET', '/users/u/designs')).status, 200)
    }
    await using api = await apiStage('memory')
    const program = `const socket = require('node:net').connect(+process.argv[1], '127.0.0.1', () => {
        socket.end('POST /users/u/designs HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\nContent-Length: 10\\r\\n\\r\\n{"id":"d"}')
        process.exit()
      })`
    for (let hit = 0; hit < 5; hit++) await runAs(program, new URL(api.url).port)
    t.deepEqual((await api.call('GET', '/users/u/designs')).body, [], 'one that asks and is gone')
  },
)

const nobody = { uid: 54_321, gid: 54_321 }

async function runAs(program: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['-e', program, ...args], {
    ...nobody,
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  await once(child, 'close')
  return out
}

/** What another account is answered. */
async function statusesFor(url: string, paths: readonly string[]): Promise<unknown> {
  const program = `Promise.all(process.argv.slice(2).map((path) => fetch(process.argv[1] + path).then(({ status }) => status))).then((all) => console.log(JSON.stringify(all)))`
  return JSON.parse(await runAs(program, url, ...paths))
}
