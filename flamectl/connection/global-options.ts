import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { type Format, formats } from '../print/format.ts'

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
    .addOption(new Option('--endpoint <url>', 'where the control plane answers').env('FLAME_ENDPOINT'))
    .addOption(new Option('--user <name>', 'whose designs, datasets and jobs').env('FLAME_USER'))
    .option('--insecure', "don't check the server's certificate (env: FLAME_INSECURE=1)")
    .addOption(
      new Option('-o, --output <format>', 'table for people, others for programs').choices(formats).env('FLAME_OUTPUT'),
    )
}
