import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
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

/** Looks at one of the kernel's tables of connections: `tcp` or `tcp6`. */
type ReadTable = (name: 'tcp' | 'tcp6') => Promise<string>

const root = 0
/** The kernel lists a table piece by piece while it changes: an entry may be passed over. */
const mostLooks = 3

/** Refuses requests of other accounts of this machine. */
export interface LocalAccounts {
  /** Begins to find out whose a new connection is. */
  watch(socket: Socket): void
  /** API_FOREIGN_ACCOUNT unless the other end of the connection is the server's own account, or root. */
  admit(socket: Socket): Promise<void>
}

/**
 * Finds out of which account each connection to a server on loopback is, once a connection, from the kernel's tables.
 * Undefined where the system doesn't tell: only Linux has those tables.
 */
export async function localAccounts(own = process.geteuid?.()): Promise<LocalAccounts | undefined> {
  const accountOf = accounts((name) => readFile(`/proc/net/${name}`, 'latin1'))
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
  const verdictOn = (socket: Socket) => {
    const present = verdicts.get(socket) ?? judge(socket)
    verdicts.set(socket, present)
    return present
  }
  return {
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

/** Answers with the account that holds an end of a connection; undefined if none does any more. */
export function accounts(read: ReadTable): (ends: Ends) => Promise<number | undefined> {
  const tables = { tcp: freshly(() => read('tcp')), tcp6: freshly(() => read('tcp6')) }
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
        const found = holderIn(await tables[table](), endOf(from, localPort), endOf(to, remotePort))
        if (found !== undefined) return found
      }
    return undefined
  }
}

/** Reads something for all that ask meanwhile; each gets what was read after it had asked. */
function freshly(read: () => Promise<string>): () => Promise<string> {
  let reading: Promise<unknown> = Promise.resolve()
  let next: Promise<string> | undefined
  return () => {
    next ??= reading
      .catch(() => {})
      .then(() => {
        next = undefined
        const present = read()
        reading = present
        return present
      })
    return next
  }
}

/**
 * The account in a table's entry for an end and its other end. What its program has closed belongs to nobody: the kernel shows
 * root for it, and no inode.
 */
function holderIn(table: string, local: string, remote: string): number | undefined {
  const ends = ` ${local} ${remote} `
  for (let at = table.indexOf(ends); at >= 0; at = table.indexOf(ends, at + 1)) {
    const line = table.slice(at + ends.length, table.indexOf('\n', at))
    const [, , , , account, , inode] = line.trim().split(/\s+/)
    if (account !== undefined && inode !== undefined && inode !== '0') return Number(account)
  }
  return undefined
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
