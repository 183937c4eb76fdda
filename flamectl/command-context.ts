import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { ApiClient } from '../api/client/index.ts'
import type { Config } from './config-file.ts'
import { readText } from './files/file-text.ts'
import { type Format, formats, indentedLines } from './output/printable.ts'
import { type Printer, printer } from './output/printer.ts'
import { homeFolder } from './state-folder.ts'

/** Everything that a command gets: the connection, the user and the terminal. */
export interface CommandContext {
  connect(): Promise<Connection>
  /** The user whose designs, datasets and jobs a command works on. */
  user(): Promise<string>
  readonly print: Printer
  /** Writes a message for people to standard error; the result of a command goes to standard output. */
  warn(text: string): void
}

/** Reads the program's options when a command needs them: by then they are parsed. */
export function commandContext(program: Command): CommandContext {
  const options = () => program.opts<GlobalOptions>()
  return {
    connect: () => connect(options(), process.env),
    user: () => userOf(options()),
    print: printer(
      () => options().output,
      (text) => console.log(text),
    ),
    warn: (text) => console.error(indentedLines(text)),
  }
}

/** The options of every command, as commander gives them: a flag wins over its environment variable. */
export interface GlobalOptions {
  /** Absent: the user has no home folder, and named no configuration. */
  readonly config?: string
  readonly endpoint?: string
  readonly user?: string
  readonly insecure?: boolean
  readonly ca?: string
  readonly clientCert?: string
  readonly clientKey?: string
  readonly output?: Format
}

/** The default path of the configuration. The file may be missing. */
export const defaultConfig = configAt(homeFolder())

function configAt(folder: string | undefined): string | undefined {
  return folder === undefined ? undefined : join(folder, 'config.yaml')
}

export function addGlobalOptions(program: Command): Command {
  return program
    .addOption(new Option('--config <file>', 'configuration in YAML').env('FLAME_CONFIG').default(defaultConfig))
    .addOption(new Option('--endpoint <url>', 'address of the control plane').env('FLAME_ENDPOINT'))
    .addOption(new Option('--user <name>', 'owner of the designs, datasets and jobs').env('FLAME_USER'))
    .addOption(
      new Option('--ca <file>', "certificates of the authorities that the server's may come from").env('FLAME_CA'),
    )
    .addOption(
      new Option('--client-cert <file>', "one's own certificate, for a server that asks for one").env(
        'FLAME_CLIENT_CERT',
      ),
    )
    .addOption(new Option('--client-key <file>', "the private key of one's own certificate").env('FLAME_CLIENT_KEY'))
    .option('--insecure', "don't check the server's certificate (env: FLAME_INSECURE=1)")
    .addOption(outputOption())
}

/** The option for the form of results. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'table is for people, the others are for programs')
    .choices(formats)
    .env('FLAME_OUTPUT')
}

const mostPemBytes = 1024 * 1024

export const defaultEndpoint = 'http://127.0.0.1:10100'

/** The server that a command asks, and the user for whom it asks. */
export interface Connection {
  readonly client: ApiClient
  readonly user: string
}

/**
 * Makes the connection from flags, the environment and the configuration: the first of them wins. The token comes from the
 * environment or the configuration alone, since other accounts can see flags; it names the user where flags and configuration
 * name none. CONFIG_MISSING, CONFIG_INVALID, CLIENT_ENDPOINT.
 */
export async function connect(options: GlobalOptions, environment: NodeJS.ProcessEnv): Promise<Connection> {
  // Loaded by the commands that ask a server.
  const { apiClient } = await import('../api/client/index.ts')
  const config = await configOf(options)
  const endpoint = options.endpoint ?? config.apiserver?.endpoint ?? defaultEndpoint
  const token = environment.FLAME_TOKEN ?? config.token
  // Node's fetch takes no such option for one request; it looks here when it connects.
  if (options.insecure ?? isOn(environment.FLAME_INSECURE)) environment.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  return {
    client: apiClient({ endpoint, ...(token === undefined ? {} : { token }), ...(await fetchFor(options)) }),
    user: options.user ?? config.user ?? (await bearerOf(token)) ?? thisUser(),
  }
}

/** Connections by TLS with certificates of one's own, if any were named. FILE_UNREADABLE, FILE_LARGE. */
async function fetchFor({ ca, clientCert, clientKey }: GlobalOptions): Promise<{ readonly fetch?: typeof fetch }> {
  if (ca === undefined && clientCert === undefined && clientKey === undefined) return {}
  const { tlsFetch } = await import('./tls-fetch.ts')
  return {
    fetch: tlsFetch({
      ...(ca === undefined ? {} : { ca: await pemOf(ca) }),
      ...(clientCert === undefined ? {} : { cert: await pemOf(clientCert) }),
      ...(clientKey === undefined ? {} : { key: await pemOf(clientKey) }),
    }),
  }
}

/** The text of a file with certificates or a key. FILE_UNREADABLE, FILE_LARGE. */
export function pemOf(file: string): Promise<string> {
  return readText(file, mostPemBytes)
}

/** The user that a token names; undefined for another kind of token. Only the server can verify the token. */
async function bearerOf(token: string | undefined): Promise<string | undefined> {
  if (token === undefined) return undefined
  const { decodeJwt } = await import('jose')
  try {
    return decodeJwt(token).sub
  } catch {
    return undefined
  }
}

function isOn(setting = ''): boolean {
  return /^(1|true|yes|on)$/i.test(setting)
}

/** The user for whom a command without a server acts. CONFIG_MISSING, CONFIG_INVALID. */
async function userOf(options: GlobalOptions): Promise<string> {
  return options.user ?? (await configOf(options)).user ?? thisUser()
}

async function configOf({ config }: GlobalOptions): Promise<Config> {
  const { readConfig } = await import('./config-file.ts')
  return readConfig(config, { optional: config === defaultConfig })
}

/** The account that runs the command, if its name can stand in an address; else `local`. */
function thisUser(): string {
  try {
    const { username } = userInfo()
    return /^\w[\w.@-]{0,99}$/.test(username) ? username : 'local'
  } catch {
    return 'local'
  }
}
