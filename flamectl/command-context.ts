import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { type ApiClient, apiClient } from '../api/client/index.ts'
import { type Config, readConfig } from './config-file.ts'
import { type Format, formats, indentedLines } from './output/printable.ts'
import { type Printer, printer } from './output/printer.ts'

/** What commands work with. */
export interface CommandContext {
  connect(): Promise<Connection>
  /** For whom commands act. */
  user(): Promise<string>
  readonly print: Printer
  /** Tells people what isn't part of the result. */
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

/** What can be said with every command, as commander hands it over: a flag wins over its environment variable. */
export interface GlobalOptions {
  /** Absent: there is no home where one could be. */
  readonly config?: string
  readonly endpoint?: string
  readonly user?: string
  readonly insecure?: boolean
  readonly output?: Format
}

/** Where the configuration is, if nothing else is said. It needn't be there. */
export const defaultConfig = configAtHome()

/** Undefined for a user without a home, as minimal containers have them. */
function configAtHome(): string | undefined {
  try {
    const home = homedir()
    return home === '' ? undefined : join(home, '.flame', 'config.yaml')
  } catch {
    return undefined
  }
}

export function addGlobalOptions(program: Command): Command {
  return program
    .addOption(new Option('--config <file>', 'configuration in YAML').env('FLAME_CONFIG').default(defaultConfig))
    .addOption(new Option('--endpoint <url>', 'address of the control plane').env('FLAME_ENDPOINT'))
    .addOption(new Option('--user <name>', 'owner of the designs, datasets and jobs').env('FLAME_USER'))
    .option('--insecure', "don't check the server's certificate (env: FLAME_INSECURE=1)")
    .addOption(
      new Option('-o, --output <format>', 'table is for people, the others are for programs')
        .choices(formats)
        .env('FLAME_OUTPUT'),
    )
}

export const defaultEndpoint = 'http://127.0.0.1:10100'

/** Whom a command speaks to, and for whom. */
export interface Connection {
  readonly client: ApiClient
  readonly user: string
}

/**
 * Puts together what flags, the environment and the configuration say, in this order. The token comes from the environment
 * or the configuration alone, since others can see flags; it names the user where nothing else does. CONFIG_MISSING, CONFIG_INVALID, CLIENT_ENDPOINT.
 */
export async function connect(options: GlobalOptions, environment: NodeJS.ProcessEnv): Promise<Connection> {
  const config = await configOf(options)
  const endpoint = options.endpoint ?? config.apiserver?.endpoint ?? defaultEndpoint
  const token = environment.FLAME_TOKEN ?? config.token
  // Node's fetch takes no such option for one request; it looks here when it connects.
  if (options.insecure ?? isOn(environment.FLAME_INSECURE)) environment.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  return {
    client: apiClient({ endpoint, ...(token === undefined ? {} : { token }) }),
    user: options.user ?? config.user ?? (await bearerOf(token)) ?? thisUser(),
  }
}

/** Whom a token says it's for; undefined if it's another kind of token. The server alone says whether it's good. */
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

/** For whom a command acts that speaks to no server. CONFIG_MISSING, CONFIG_INVALID. */
async function userOf(options: GlobalOptions): Promise<string> {
  return options.user ?? (await configOf(options)).user ?? thisUser()
}

function configOf({ config }: GlobalOptions): Promise<Config> {
  return readConfig(config, { optional: config === defaultConfig })
}

/** Who runs the command, where the system has a name for them that can stand in an address. */
function thisUser(): string {
  try {
    const { username } = userInfo()
    return /^\w[\w.@-]{0,99}$/.test(username) ? username : 'local'
  } catch {
    return 'local'
  }
}
