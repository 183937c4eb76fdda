import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { type CommandContext, defaultConfig, type GlobalOptions } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { Printer } from '../output/printer.ts'
import { defaultFolder, keyFileIn, namedPlace } from '../state-folder.ts'
import type { Verbs } from './verbs.ts'

interface RawTokenOptions {
  readonly scope: string
  readonly days: string
  readonly keyFile: string
  readonly name?: string
  readonly job?: string
  readonly newKey?: boolean
  readonly list?: boolean
  readonly revoke?: string
}

/** `flamectl token`: issues, lists and revokes tokens, on the server's machine. */
export function tokenCommand({ print }: Pick<CommandContext, 'print'>): Command {
  return new Command('token')
    .argument('[name]', 'the user who bears it')
    .description("issue a token, on the server's machine: export FLAME_TOKEN=$(flamectl token alice)")
    .option('--scope <scope,...>', 'rights of the token: user, compute, flamelet, chaos, metrics, admin', 'user')
    .option(
      '--days <number>',
      'days until the token expires; at most 365, or tokens.maxDays of the configuration',
      '30',
    )
    .option('--name <flamelet>', 'with the scope flamelet: the one flamelet that may join with the token')
    .option('--job <jobId>', 'with the scope flamelet: the one job whose tasks that flamelet gets')
    .option('--key-file <file>', 'file of the keys that sign tokens', keyFileIn(defaultFolder))
    .option('--new-key', 'sign with a new key: all tokens issued so far are void')
    .option('--list', 'list the tokens that have not expired')
    .option('--revoke <id>', 'revoke the token of this id, or this token; a running server knows it within a second')
    .action(async (user: string | undefined, options: RawTokenOptions, command: Command) => {
      const { keyFile, list, revoke } = options
      namedPlace('--key-file', keyFile, 'a file')
      const asked = [user, list, revoke].filter((given) => given !== undefined)
      if (asked.length !== 1) throw optionError('token', 'a name, --list or --revoke <id>', asked.join(' '))
      if (list) return listTokens(print, keyFile)
      if (revoke !== undefined) return takeBack(print, keyFile, revoke)
      return issue(print, user ?? '', options, command.optsWithGlobals<GlobalOptions>())
    })
}

async function issue(
  print: Printer,
  user: string,
  { scope, days, keyFile, newKey, name, job }: RawTokenOptions,
  { config }: GlobalOptions,
): Promise<void> {
  const { mostSecondsIn, readConfig } = await import('../config-file.ts')
  const settings = mostSecondsIn(await readConfig(config, { optional: config === defaultConfig }))
  const { defaultMostSeconds, issueToken, rotateKeys, scopes } = await import('../../api/index.ts')
  const seconds = secondsOf(days, settings.mostSeconds ?? defaultMostSeconds)
  const given = scope.split(',').map((name) => name.trim())
  const known = scopes.filter((name) => given.includes(name))
  if (known.length < given.length) throw optionError('--scope', `some of ${scopes.join(', ')}`, scope)
  const bound = { ...(name === undefined ? {} : { flamelet: name }), ...(job === undefined ? {} : { job }) }
  const isThere = existsSync(keyFile)
  if (newKey) await rotateKeys(keyFile)
  const token = await issueToken({ keyFile, user, scopes: known, seconds, ...bound, ...settings })
  print.done(token, { token, user, scopes: known, seconds, ...bound }, token)
  if (!isThere) console.error(`a new key was made: ${resolve(keyFile)}; a server has to be started with it`)
}

async function listTokens(print: Printer, keyFile: string): Promise<void> {
  const { issuedTokens } = await import('../../api/index.ts')
  print.list(await issuedTokens(keyFile), {
    columns: {
      ID: ({ id }) => id,
      USER: ({ user }) => user,
      SCOPES: ({ scopes }) => scopes.join(','),
      ISSUED: ({ issuedAt }) => issuedAt,
      EXPIRES: ({ expiresAt }) => expiresAt,
      FLAMELET: ({ flamelet }) => flamelet,
      JOB: ({ job }) => job,
      REVOKED: ({ revoked }) => revoked,
    },
    nameOf: ({ id }) => id,
  })
}

async function takeBack(print: Printer, keyFile: string, given: string): Promise<void> {
  const { issuedTokens, revokeToken } = await import('../../api/index.ts')
  const id = await revokeToken(keyFile, given)
  const isListed = (await issuedTokens(keyFile)).some((token) => token.id === id)
  // A token that is given whole is good no more, even where the list of its key file was lost.
  if (!isListed && !given.includes('.')) throw flamectlError('TOKEN_UNKNOWN', { id, file: resolve(keyFile) })
  print.done(`token ${id} is good no more`, { id, revoked: true }, id)
}

function secondsOf(days: string, most: number): number {
  const seconds = Math.round(Number(days) * 24 * 60 * 60)
  if (days.trim() !== '' && Number.isSafeInteger(seconds) && seconds > 0 && seconds <= most) return seconds
  const limit = most / (24 * 60 * 60)
  throw optionError('--days', `a number above 0, and at most ${limit} (tokens.maxDays of the configuration)`, days)
}

function optionError(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}

export function usageCommands({ connect, print }: CommandContext): Verbs {
  return {
    get: [
      new Command('quota')
        .description('show how many things of each kind the user has, and how many the user may have')
        .action(async () => {
          const { client, user } = await connect()
          const usage = Object.entries(await client.getUsage({ user })).map(([name, of]) => ({ name, ...of }))
          print.list(usage, {
            columns: {
              NAME: ({ name }) => name,
              USED: ({ used }) => String(used),
              MOST: ({ most }) => (most === undefined ? 'any' : String(most)),
            },
            nameOf: ({ name }) => name,
          })
        }),
    ],
  }
}
