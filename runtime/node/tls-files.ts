import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type Server, type TlsOptions } from 'node:tls'
import { CodedError } from '../errors/coded-error.ts'
import { fileReason } from '../errors/file-reason.ts'
import { nodeError } from './errors.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate, followed by those of the authorities between it and a root. */
  readonly cert: string
  readonly key: string
  /** Authorities of clients. If given, a client without a certificate of theirs is refused. */
  readonly clientCa?: string
}

interface TlsFilesOptions {
  /** Hears why changed files can't be used. The servers keep what they have. */
  readonly onTrouble: (cause: CodedError) => void
  /** Hears that all servers use the changed files. */
  readonly onRenewed?: () => void
  /** Time between looks at the files. Default: 5,000. */
  readonly lookEveryMs?: number
}

/** The certificate and key of TLS servers, kept in files that may change while the servers run. */
export interface ServerTls {
  /** What `createServer` of node:https or node:tls needs, as the files are now. */
  readonly options: TlsOptions
  /** Gives a server each change of the files, until the server closes. Existing connections stay. */
  renew(server: Server): void
  /** Looks no more. */
  close(): void
}

/**
 * Reads the files for a TLS server, and goes on looking at them. A change is used once certificate and key belong
 * together, so that the files may be replaced one after the other. @throws NODE_TLS_FILE, NODE_TLS_PAIR
 */
export async function serverTls(files: TlsFiles, options: TlsFilesOptions): Promise<ServerTls> {
  const { onTrouble, onRenewed, lookEveryMs = 5000 } = options
  const paths = [files.cert, files.key, ...(files.clientCa === undefined ? [] : [files.clientCa])]
  const servers = new Set<Server>()
  let looked = await signsOf(paths)
  let present = await readTls(files)
  let isLooking = false
  const looks = setInterval(() => void look(), lookEveryMs).unref()
  return {
    get options() {
      return present
    },
    renew(server) {
      servers.add(server)
      server.once('close', () => servers.delete(server))
    },
    close: () => clearInterval(looks),
  }

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    try {
      // Looked at before they are read: a change in between shows at the next look.
      const signs = await signsOf(paths)
      if (signs === looked) return
      looked = signs
      present = await readTls(files)
      for (const server of servers) server.setSecureContext(present)
      onRenewed?.()
    } catch (cause) {
      if (!(cause instanceof CodedError)) throw cause
      onTrouble(cause)
    } finally {
      isLooking = false
    }
  }
}

/** A text that changes with the files. Times have nanoseconds; a replaced file has another number. */
async function signsOf(paths: readonly string[]): Promise<string> {
  const signs = paths.map(async (path) => {
    try {
      const { ino, size, mtimeNs } = await stat(path, { bigint: true })
      return `${ino} ${size} ${mtimeNs}`
    } catch {
      return 'none'
    }
  })
  return (await Promise.all(signs)).join()
}

async function readTls({ cert, key, clientCa }: TlsFiles): Promise<TlsOptions> {
  const pair = { cert: await read(cert), key: await read(key) }
  const [own] = certificatesIn(cert, pair.cert)
  const refused = (cause: unknown) =>
    nodeError('NODE_TLS_PAIR', { cert, key, found: cause instanceof Error ? cause.message : cause }, { cause })
  let isPair: boolean | undefined
  try {
    isPair = own?.checkPrivateKey(createPrivateKey(pair.key))
    createSecureContext(pair)
  } catch (cause) {
    throw refused(cause)
  }
  if (!isPair) throw refused('they do not belong together')
  if (clientCa === undefined) return pair
  const ca = await read(clientCa)
  certificatesIn(clientCa, ca)
  return { ...pair, ca, requestCert: true, rejectUnauthorized: true }
}

/** The certificates of a file. TLS itself would take a file without a whole certificate. @throws NODE_TLS_FILE */
function certificatesIn(file: string, text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const begun = text.match(/-----BEGIN (TRUSTED )?CERTIFICATE/g) ?? []
  try {
    const certificates = blocks.map((block) => new X509Certificate(block))
    if (certificates.length > 0 && certificates.length === begun.length) return certificates
  } catch (cause) {
    throw nodeError('NODE_TLS_FILE', { file, found: 'one of its certificates is damaged' }, { cause })
  }
  throw nodeError('NODE_TLS_FILE', { file, found: 'it has no certificate, or none that is whole' })
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw nodeError('NODE_TLS_FILE', { file, found: fileReason(cause) }, { cause })
  }
}
