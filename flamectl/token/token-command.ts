import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { flamectlError } from '../errors.ts'
import { defaultFolder, keyFileIn, namedPlace } from '../store-place.ts'

interface RawTokenOptions {
  readonly scope: string
  readonly days: string
  readonly keyFile: string
  readonly newKey?: boolean
}

/** `flamectl token`: on the server's machine, issues what callers show it. */
export function tokenCommand({ print }: Pick<CommandContext, 'print'>): Command {
  return new Command('token')
    .argument('<name>', 'the user who bears it')
    .description("issue a token, on the server's machine: export FLAME_TOKEN=$(flamectl token alice)")
    .option('--scope <scope,...>', 'what it allows: user, compute, agent, metrics, admin', 'user')
    .option('--days <number>', 'for how long it is good', '30')
    .option('--key-file <file>', 'by which the server knows its tokens', keyFileIn(defaultFolder))
    .option('--new-key', 'sign with a new key: all tokens issued so far are void')
    .action(async (user: string, { scope, days, keyFile, newKey }: RawTokenOptions) => {
      const seconds = secondsOf(days)
      namedPlace('--key-file', keyFile, 'a file')
      const { issueToken, rotateKeys, scopes } = await import('../../api/index.ts')
      const given = scope.split(',').map((name) => name.trim())
      const known = scopes.filter((name) => given.includes(name))
      if (known.length < given.length) throw optionError('--scope', `some of ${scopes.join(', ')}`, scope)
      const isThere = existsSync(keyFile)
      if (newKey) await rotateKeys(keyFile)
      const token = await issueToken({ keyFile, user, scopes: known, seconds })
      print.done(token, { token, user, scopes: known, seconds }, token)
      if (!isThere) console.error(`a new key was made: ${resolve(keyFile)}; a server has to be started with it`)
    })
}

function secondsOf(days: string): number {
  const seconds = Math.round(Number(days) * 24 * 60 * 60)
  if (days.trim() !== '' && Number.isSafeInteger(seconds) && seconds > 0) return seconds
  throw optionError('--days', 'a number above 0', days)
}

function optionError(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}
