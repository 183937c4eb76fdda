import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { connect, createServer, isIPv6, type Socket } from 'node:net'
import { endianness } from 'node:os'
import { apiError } from '../errors.ts'

/** A connection as the caller has it. */
export interface Ends {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** Reads one of the kernel's tables of connections piece by piece, as far as the pieces are asked for. */
type ReadTable = (name: 'tcp' | 'tcp6') => AsyncIterable<string>

/** Of a first read: some lines of a table. The next ones are twice as long each. The kernel gives some 4 KiB at most. */
const firstBytes = 600
const mostBytes = 8192

const root = 0
/** The kernel lists a table piece by piece while it changes: an entry may be passed over. */
const mostLooks = 3

/** Refuses requests of other accounts of this machine. */
export interface LocalAccounts {
  /** Begins to find out whose a new connection is. */
  watch(socket: Socket): void
  /** API_FOREIGN_ACCOUNT unless the other end of the connection is the server's own account, or root. */
  admit(socket: Socket): Promise<void>
  /** Whether it's being found out whose some connection is, which takes many turns of the event loop. */
  readonly isLooking: boolean
}

/**
 * Finds out of which account each connection to a server on loopback is, once a connection, from the kernel's tables.
 * Undefined where the system doesn't tell: only Linux has those tables.
 */
export async function localAccounts(own = process.geteuid?.()): Promise<LocalAccounts | undefined> {
  const accountOf = accounts(piecesOf)
  if (own === undefined || !(await isTold(accountOf))) return undefined
  /** Undefined: admitted. */
  const verdicts = new WeakMap<Socket, Promise<Error | undefined>>()
  const judge = async ({ localAddress, localPort, remoteAddress, remotePort }: Socket) => {
    const [here, there] = [
      { remoteAddress: localAddress, remotePort: localPort },
      { localAddress: remoteAddress, localPort: remotePort },
    ]
    const account = await accountOf({ ...here, ...there }).catch(() => undefined)
    if (account === own || account === root) return undefined
    return apiError('API_FOREIGN_ACCOUNT', { account: account ?? '(gone)', own })
  }
  let looks = 0
  const verdictOn = (socket: Socket) => {
    const present = verdicts.get(socket)
    if (present) return present
    looks += 1
    const verdict = judge(socket).finally(() => {
      looks -= 1
    })
    verdicts.set(socket, verdict)
    return verdict
  }
  return {
    get isLooking() {
      return looks > 0
    },
    watch: (socket) => void verdictOn(socket),
    async admit(socket) {
      const refusal = await verdictOn(socket)
      if (refusal) throw refusal
    },
  }
}

/** Whether a connection of this process with itself is found to be its own. */
async function isTold(accountOf: (ends: Ends) => Promise<number | undefined>): Promise<boolean> {
  const server = createServer().listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const address = server.address()
    const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return (await accountOf(socket)) === process.geteuid?.()
    } finally {
      socket.destroy()
    }
  } catch {
    return false
  } finally {
    server.close()
  }
}

/**
 * The kernel lists a connection by walking through all of its table, in which the connection stands at a random place. The
 * first reads are short, so that the kernel walks no further than needed in a table of few connections, too.
 */
async function* piecesOf(name: string): AsyncGenerator<string> {
  const file = await open(`/proc/net/${name}`)
  try {
    const buffer = Buffer.allocUnsafe(mostBytes)
    for (let bytes = firstBytes; ; bytes = Math.min(bytes * 2, mostBytes)) {
      const { bytesRead } = await file.read(buffer, 0, bytes, null)
      if (bytesRead === 0) return
      yield buffer.toString('latin1', 0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Answers with the account that holds an end of a connection; undefined if none does any more. */
export function accounts(read: ReadTable): (ends: Ends) => Promise<number | undefined> {
  const holders = { tcp: holdersIn(() => read('tcp')), tcp6: holdersIn(() => read('tcp6')) }
  return async ({ localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 }) => {
    const asIPv4 = [localAddress, remoteAddress].map((address) => address.replace(/^::ffff:(?=\d+\.)/i, ''))
    const [local = '', remote = ''] = asIPv4
    /** A program may reach an address of IPv4 by a socket of IPv6: then it's in that table. */
    const mapped = asIPv4.map((address) => (isIPv6(address) ? address : `::ffff:${address}`))
    const places = [
      ...(isIPv6(local) ? [] : [['tcp', local, remote] as const]),
      ['tcp6', mapped[0] ?? '', mapped[1] ?? ''] as const,
    ]
    for (let look = 0; look < mostLooks; look++)
      for (const [table, from, to] of places) {
        const found = await holders[table](`${endOf(from, localPort)} ${endOf(to, remotePort)}`)
        if (found !== undefined) return found
      }
    return undefined
  }
}

/**
 * Looks up entries of a table by both ends of a connection. One look serves all waiting callers, begins after they have asked,
 * and ends as soon as the last entry is found.
 */
function holdersIn(read: () => AsyncIterable<string>): (ends: string) => Promise<number | undefined> {
  let looking: Promise<unknown> = Promise.resolve()
  let next: { readonly wanted: Set<string>; readonly found: Promise<ReadonlyMap<string, number>> } | undefined
  return async (ends) => {
    if (!next) {
      const wanted = new Set<string>()
      const found = looking
        .catch(() => {})
        .then(() => {
          next = undefined
          return holdersOf(wanted, read())
        })
      looking = found
      next = { wanted, found }
    }
    const { wanted, found } = next
    wanted.add(ends)
    return (await found).get(ends)
  }
}

/** The accounts of these entries, as far as they are in the table and held by a program. Empties `wanted`. */
async function holdersOf(wanted: Set<string>, pieces: AsyncIterable<string>): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, local = '', remote = '', , , , , account, , inode] = line.trim().split(/ +/)
      const ends = `${local} ${remote}`
      // A connection that its program has closed belongs to nobody: the kernel shows root as its owner, and no inode.
      if (!wanted.has(ends) || account === undefined || inode === undefined || inode === '0') continue
      found.set(ends, Number(account))
      wanted.delete(ends)
    }
    if (wanted.size === 0) break
  }
  return found
}

/** An address and a port as the tables have them: words of four bytes, as this machine orders them. */
function endOf(address: string, port: number): string {
  const bytes = isIPv6(address) ? bytesOfIPv6(address) : address.split('.').map(Number)
  const ordered = endianness() === 'BE' ? bytes : bytes.map((_, index) => bytes[(index & ~3) + 3 - (index & 3)] ?? 0)
  const hex = ordered.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

function bytesOfIPv6(address: string): number[] {
  const [plain = ''] = address.split('%')
  const [head = '', tail] = plain.split('::')
  const groups = (text: string) =>
    text.split(':').flatMap((group) => {
      if (group === '') return []
      if (group.includes('.')) return group.split('.').map(Number)
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 255]
    })
  const [before, after] = [groups(head), groups(tail ?? '')]
  return [...before, ...Array.from({ length: Math.max(0, 16 - before.length - after.length) }, () => 0), ...after]
}
