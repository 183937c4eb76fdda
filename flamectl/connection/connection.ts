import { userInfo } from 'node:os'
import { type ApiClient, apiClient } from '../../api/client/index.ts'
import { type Config, readConfig } from './config-file.ts'
import { defaultConfig, type GlobalOptions } from './global-options.ts'

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
export async function userOf(options: GlobalOptions): Promise<string> {
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
