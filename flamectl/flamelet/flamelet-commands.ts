import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { FlameletOptions, FlameletReport } from '../../flamelet/index.ts'
import { type CodedError, fileReason } from '../../runtime/errors/index.ts'
import type { DialRoute } from '../../runtime/index.ts'
import { type CommandContext, pemOf } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { onStopSignals } from '../exit.ts'
import { homeFolder } from '../state-folder.ts'
import type { ClientTls } from '../tls-fetch.ts'
import { wholeNumberOf } from '../up/up-options.ts'

type Context = Pick<CommandContext, 'print' | 'warn'>

interface RawJoinOptions {
  readonly token?: string
  readonly tokenFile?: string
  readonly name?: string
  readonly realm?: string
  readonly compute?: string
  readonly data?: readonly string[]
  readonly dataAny?: boolean
  readonly trust?: readonly string[]
  readonly trustAny?: boolean
  readonly workload?: string
  readonly tasks: string
  readonly memory?: string
  readonly isolation: 'process' | 'none'
  readonly workers?: string
  readonly ca?: string
  readonly clientCert?: string
  readonly clientKey?: string
  readonly state?: string
  readonly roundLimit: string
  readonly drain: string
}

/** `flamelet join` and `flamelet status`: the program on a device. */
export function flameletCommand(context: Context): Command {
  return new Command('flamelet')
    .description('train on this machine for the jobs of a server')
    .addCommand(joinCommand(context))
    .addCommand(statusCommand(context))
}

const stateHelp = 'folder of the flamelet (default: ~/.flame/flamelets/<name>)'

export function joinCommand(context: Context): Command {
  return new Command('join')
    .argument('<url>', 'address of the server, for example https://example.org, or of its broker: mqtt://example.org')
    .description('join a server, and run tasks of its jobs until SIGTERM or Ctrl-C')
    .option('--token <token>', 'token with the scope flamelet; other accounts can see it here: rather set FLAME_TOKEN')
    .option('--token-file <file>', 'file with the token')
    .option('--name <name>', 'name of the flamelet (default: that of the machine)')
    .option('--realm <realm>', 'realm whose datasets lie here, for example eu/berlin')
    .option('--compute <id>', 'compute whose tasks run here (default: the last part of the realm, else the name)')
    .option(
      '--data <name=path...>',
      "datasets that jobs may train on, with their paths; a name alone lets the job's code find the data",
    )
    .option('--data-any', 'let jobs train on any dataset, whose data their code finds')
    .option(
      '--trust <key...>',
      'keys whose code may run here: as flamectl keys prints them, or files with one on each line',
    )
    .option('--trust-any', "run everybody's code; for a server on this machine alone")
    .option('--workload <folder>', "run this workload of this machine instead of the jobs' code")
    .option('--tasks <number>', 'most tasks at once', '8')
    .option('--memory <megabytes>', "most memory of each task's process, 128 or more")
    .addOption(
      new Option(
        '--isolation <kind>',
        'process: each task in a process of its own, with few rights; none: in this process, for trusted code',
      )
        .choices(['process', 'none'])
        .default('process'),
    )
    .option(
      '--workers <number>',
      'threads that train, with --isolation none; 0, the default, trains in the main thread',
    )
    .addOption(
      new Option(
        '--ca <file>',
        'certificates of the authorities that the certificate of the server may come from, in PEM',
      ).env('FLAME_CA'),
    )
    .addOption(
      new Option('--client-cert <file>', "the flamelet's own certificate, for a server that asks for one").env(
        'FLAME_CLIENT_CERT',
      ),
    )
    .addOption(new Option('--client-key <file>', 'the private key of that certificate').env('FLAME_CLIENT_KEY'))
    .option('--state <folder>', stateHelp)
    .option('--round-limit <seconds>', 'longest time of a training', '3600')
    .option('--drain <seconds>', 'longest time for handing tasks back after SIGTERM', '30')
    .action(async (url: string, _own: unknown, command: Command) => {
      // flamectl has --ca and others for all its commands, and takes them wherever they stand.
      const raw = command.optsWithGlobals<RawJoinOptions>()
      const { canConfine, startFlamelet } = await import('../../flamelet/index.ts')
      if (raw.isolation === 'process' && !canConfine)
        context.warn(
          `Node ${process.versions.node} cannot take rights from the processes of tasks: they have those of this account; Node 22.13 and later can`,
        )
      const flamelet = await startFlamelet(await joinOptions(url, raw, context))
      onStopSignals(() => void flamelet.drain())
      const cause = await flamelet.ended
      if (cause) throw cause
    })
}

/** Reads the options. OPTION_VALUE, OPTION_UNUSED, FILE_UNREADABLE, FLAMELET_TRUST, KEY_INVALID, KEY_FILE, LINK_ADDRESS. */
async function joinOptions(url: string, raw: RawJoinOptions, { print, warn }: Context): Promise<FlameletOptions> {
  const { trustedKeys, requireTrustworthy } = await import('../../flamelet/index.ts')
  const { dialWebSocket } = await import('../../runtime/link/ws/index.ts')
  const { name, realm, compute, workload, isolation } = raw
  requireUsed(raw)
  const tls = await tlsOf(raw)
  if (raw.trustAny) requireTrustworthy(url)
  if (workload !== undefined) await requireThere(workload)
  const trust = raw.trustAny ? 'any' : await trustedKeys(raw.trust ?? [])
  if (trust !== 'any' && trust.length === 0 && workload === undefined)
    throw optionError('--trust', 'a key, or --workload with code of this machine', 'neither')
  const token = await tokenOf(raw, warn)
  const dial = /^mqtts?:/.test(url) ? await overBroker(url, raw.name, token, tls) : dialWebSocket(url, tls)
  const given = { ...(token && { token }), ...(name && { name }), ...(realm && { realm }), ...(compute && { compute }) }
  return {
    ...given,
    url,
    dial,
    state: resolve(raw.state ?? folderOf(name)),
    datasets: raw.dataAny ? 'any' : await datasetsIn(raw.data ?? []),
    trust,
    ...(workload !== undefined && { workload }),
    mostTasks: wholeNumberOf('--tasks', raw.tasks, 1, 10_000),
    ...(raw.memory !== undefined && {
      memoryBytes: wholeNumberOf('--memory', raw.memory, 128, 1_000_000) * 1024 * 1024,
    }),
    isolation,
    workers: wholeNumberOf('--workers', raw.workers ?? '0', 0, 256),
    roundLimitMs: wholeNumberOf('--round-limit', raw.roundLimit, 1, 1_000_000) * 1000,
    drainMs: wholeNumberOf('--drain', raw.drain, 0, 1_000_000) * 1000,
    now: () => new Date().toISOString(),
    onNote: ({ code, message }) => warn(`${code}: ${message}`),
    onState(state, cause) {
      const told = cause && { code: cause.code, message: cause.message }
      print.event(lineOf(url, state, cause), { state, ...(told && { cause: told }) })
    },
  }
}

/** Refuses options that the others make useless: their owner expects something that would not happen. OPTION_UNUSED. */
function requireUsed({ isolation, workers = '0', workload, trust, trustAny }: RawJoinOptions): void {
  if (isolation === 'process' && workers !== '0')
    throw flamectlError('OPTION_UNUSED', {
      option: '--workers',
      where: 'with --isolation process: each task trains in a process of its own',
      advice: 'leave --workers out, or name --isolation none if the code is yours; --tasks bounds the processes',
    })
  if (workload !== undefined && (trust !== undefined || trustAny))
    throw flamectlError('OPTION_UNUSED', {
      option: trustAny ? '--trust-any' : '--trust',
      where: 'beside --workload: tasks run that workload, and no code of a job',
      advice: `leave out ${trustAny ? '--trust-any' : '--trust'} to run your own workload, or --workload to run the code of jobs`,
    })
}

/** Certificates for the connection, where files of theirs are named. FILE_UNREADABLE, FILE_LARGE. */
async function tlsOf({ ca, clientCert, clientKey }: RawJoinOptions): Promise<ClientTls> {
  return {
    ...(ca !== undefined && { ca: await pemOf(ca) }),
    ...(clientCert !== undefined && { cert: await pemOf(clientCert) }),
    ...(clientKey !== undefined && { key: await pemOf(clientKey) }),
  }
}

/** Name of the node of a server. */
const server = 'control-plane'

/**
 * Dials the server over a broker. The server's own broker knows a flamelet by its name and token; for another one, name
 * and password are taken from the environment. OPTION_VALUE, LINK_ADDRESS, LINK_TOPIC.
 */
async function overBroker(
  url: string,
  name: string | undefined,
  token: string | undefined,
  tls: ClientTls,
): Promise<DialRoute> {
  if (name === undefined) throw optionError('--name', 'a name, by which the broker knows the flamelet', 'none')
  const { dialMqtt } = await import('../../runtime/link/mqtt/index.ts')
  const { FLAME_BROKER_USERNAME: username = name, FLAME_BROKER_PASSWORD: password = token ?? '' } = process.env
  return dialMqtt(url, { node: name, to: server, username, password, ...tls })
}

function lineOf(url: string, state: FlameletReport['state'], cause: CodedError | undefined): string {
  const lines: Record<FlameletReport['state'], string> = {
    starting: 'starting',
    connecting: cause
      ? `not connected to ${url}, and trying again: ${cause.message}\n  ${cause.hint}`
      : `connecting to ${url}`,
    joined: `joined ${url}; Ctrl-C hands tasks back and ends`,
    refused: `refused by ${url}`,
    draining: 'handing tasks back',
    ended: 'ended',
  }
  return lines[state]
}

async function tokenOf(
  { token, tokenFile }: RawJoinOptions,
  warn: (text: string) => void,
): Promise<string | undefined> {
  if (tokenFile !== undefined) return (await textOf(tokenFile)).trim()
  if (token === undefined) return process.env.FLAME_TOKEN
  warn('other accounts of this machine can see --token: rather set FLAME_TOKEN, or give --token-file')
  return token
}

function folderOf(name = hostname().split('.')[0] ?? 'flamelet'): string {
  return join(homeFolder() ?? '.flame', 'flamelets', name)
}

/** Reads `name=path`, or a name alone. A path must be there. */
async function datasetsIn(given: readonly string[]): Promise<Map<string, string | undefined>> {
  const datasets = new Map<string, string | undefined>()
  for (const one of given) {
    const at = one.lastIndexOf('=')
    const name = at < 0 ? one : one.slice(0, at)
    const path = at < 0 ? undefined : resolve(one.slice(at + 1))
    if (name === '' || datasets.has(name)) throw optionError('--data', 'NAME=PATH or NAME, each name once', one)
    if (path !== undefined) await requireThere(path)
    datasets.set(name, path)
  }
  return datasets
}

async function requireThere(path: string): Promise<void> {
  await stat(path).catch((cause: unknown) => {
    throw flamectlError('FILE_UNREADABLE', { file: path, reason: fileReason(cause) }, { cause })
  })
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  })
}

function optionError(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}

export function statusCommand({ print }: Context): Command {
  return new Command('status')
    .description('say whether a flamelet of this machine runs, and what it does')
    .option('--name <name>', 'name of the flamelet (default: that of the machine)')
    .option('--state <folder>', stateHelp)
    .action(async ({ name, state }: { readonly name?: string; readonly state?: string }) => {
      const { isLiving, readReport } = await import('../../flamelet/index.ts')
      const report = await readReport(resolve(state ?? folderOf(name)))
      const lives = await isLiving(report)
      const { began: _, processes: __, tasks, ...facts } = report
      // A killed flamelet couldn't say that it ended.
      const present = { ...facts, state: lives ? report.state : 'ended', isRunning: lives, tasks: lives ? tasks : [] }
      print.one(present, report.name)
    })
}
