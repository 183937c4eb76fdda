import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { fileReason } from '../../runtime/errors/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { filesIn, mostOfCode, replaceFile, zipOf } from '../files/archives.ts'
import { homeFolder } from '../state-folder.ts'

type Context = Pick<CommandContext, 'print'>

interface KeysOptions {
  readonly keys: string
}

function keysOption(): Option {
  return new Option('--keys <folder>', 'folder of the keys that sign code')
    .env('FLAME_KEYS')
    .default(join(homeFolder() ?? '.flame', 'keys'))
}

/** `flamectl keys`: makes and shows keys that sign code. */
export function keysCommand({ print }: Context): Command {
  const opened = async ({ keys }: KeysOptions) => (await import('../../flamelet/code/index.ts')).keyFolder(keys)
  const columns = {
    NAME: ({ name }: { name: string }) => name,
    KEY: ({ publicKey }: { publicKey: string }) => publicKey,
  }
  return new Command('keys')
    .description('make and show the keys that sign code for flamelets')
    .addCommand(
      new Command('create')
        .argument('<name>')
        .description('make a key; owners of flamelets trust what it prints')
        .addOption(keysOption())
        .action(async (name: string, options: KeysOptions) => {
          const { publicKey } = await (await opened(options)).create(name)
          print.done(publicKey, { name, publicKey }, publicKey)
        }),
    )
    .addCommand(
      new Command('list')
        .description('list the keys of this account')
        .addOption(keysOption())
        .action(async (options: KeysOptions) => {
          const folder = await opened(options)
          const keys = await Promise.all((await folder.names()).map((name) => folder.read(name)))
          const shown = keys.map(({ name, publicKey }) => ({ name, publicKey }))
          print.list(shown, { columns, nameOf: ({ name }) => name })
        }),
    )
    .addCommand(
      new Command('show')
        .argument('<name>')
        .description('print the public part of a key, for flamelet join --trust')
        .addOption(keysOption())
        .action(async (name: string, options: KeysOptions) => {
          const { publicKey } = await (await opened(options)).read(name)
          print.done(publicKey, { name, publicKey }, publicKey)
        }),
    )
}

interface SignOptions extends KeysOptions {
  readonly key: string
  readonly name?: string
  readonly days: string
}

/** `flamectl sign`: signs code, so that flamelets whose owners trust the key run it. */
export function signCommand({ print }: Context): Command {
  return new Command('sign')
    .argument('<code>', 'folder of the code, or its archive: the signature is put into it')
    .description('sign code, so that flamelets that trust the key run it; sign again after each change')
    .requiredOption('--key <name>', 'key to sign with; see flamectl keys')
    .option('--name <text>', 'name of the code, for people (default: the name of the folder or archive)')
    .option('--days <number>', 'days until the signature expires', '365')
    .addOption(keysOption())
    .action(async (code: string, { key, days, keys, ...options }: SignOptions) => {
      const { keyFolder, signatureFile, signedCode } = await import('../../flamelet/code/index.ts')
      const signer = await keyFolder(keys).read(key)
      const now = Date.now()
      const about = {
        name: options.name ?? basename(resolve(code)).replace(/\.zip$/, ''),
        signedAt: new Date(now).toISOString(),
        expiresAt: new Date(now + millisecondsOf(days)).toISOString(),
      }
      const { isFolder, files } = await codeAt(code)
      const signature = signedCode(files, signer, about)
      if (isFolder) await replaceFile(join(code, signatureFile), signature)
      else
        await replaceFile(
          code,
          await zipOf([...files].filter(([path]) => path !== signatureFile).concat([[signatureFile, signature]])),
        )
      const told = { code, ...about, key: signer.publicKey }
      print.done(`${code} signed with ${signer.publicKey}, until ${about.expiresAt}`, told, code)
    })
}

/** The files of a folder as they are packed, or of an archive. FILE_UNREADABLE, CODE_SIZE, CODE_LINK, CODE_ARCHIVE. */
async function codeAt(code: string) {
  const found = await stat(code).catch((cause: unknown) => {
    throw flamectlError('FILE_UNREADABLE', { file: code, reason: fileReason(cause) }, { cause })
  })
  if (found.isDirectory())
    return { isFolder: true, files: new Map(await filesIn(code, { most: mostOfCode, strayLinks: 'refuse' })) }
  const { archiveLimitsOf, unpackedFiles } = await import('../../actors/catalogue/index.ts')
  const files = new Map<string, Uint8Array>()
  const limits = archiveLimitsOf(mostOfCode.megabytes * 1024 * 1024)
  for await (const { path, bytes } of unpackedFiles(await readFile(code), limits)) files.set(path, bytes)
  return { isFolder: false, files }
}

const dayMs = 24 * 60 * 60 * 1000

function millisecondsOf(days: string): number {
  const number = Number(days)
  if (days.trim() !== '' && number > 0 && number <= 3650) return Math.round(number * dayMs)
  const expected = 'a number above 0, and at most 3650'
  throw flamectlError('OPTION_VALUE', { option: '--days', expected, given: JSON.stringify(days) })
}
