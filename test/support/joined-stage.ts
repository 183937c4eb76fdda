import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunningUp, upUnder } from './flamectl-up.ts'
import { type StageProcess, startProcess } from './flamelet-stage.ts'
import { type Call, callsTo } from './http-jobs.ts'
import { temporaryFolder } from './temporary-folder.ts'

const flameletProgram = fileURLToPath(new URL('../../flamectl/flamelet-main.js', import.meta.url))

/** A control plane by `flamectl up`, and flamelets by `flamelet join`: all are processes of this stage. */
export interface JoinedStage extends AsyncDisposable {
  readonly folder: string
  readonly up: RunningUp
  readonly call: Call
  /** Starts a flamelet that serves a realm. `to`: another address than the server's own. */
  join(name: string, options?: JoinOptions): StageProcess
  /** Ends the server by a signal, and starts it again at the same port. */
  restart(signal?: NodeJS.Signals): Promise<void>
}

interface JoinOptions {
  readonly realm?: string
  readonly to?: string
  readonly token?: string
  /** Name of its folder. Default: its own. */
  readonly state?: string
  readonly args?: readonly string[]
  /** Variables of the flamelet's environment. */
  readonly env?: Readonly<Record<string, string>>
}

export function joinedStage(...upArgs: readonly string[]): Promise<JoinedStage> {
  return joinedStageUnder({}, ...upArgs)
}

/** As `joinedStage`, with variables in the server's environment. */
export async function joinedStageUnder(
  env: Readonly<Record<string, string>>,
  ...upArgs: readonly string[]
): Promise<JoinedStage> {
  const folder = await temporaryFolder()
  const state = join(folder.path, 'state')
  let up = await upUnder({ env }, state, ...upArgs)
  const processes: StageProcess[] = []
  return {
    folder: folder.path,
    get up() {
      return up
    },
    get call() {
      return callsTo(up.url)
    },
    join(name, { realm, to = up.url, token, state: own = name, args = [], env = {} } = {}) {
      const started = startProcess(
        process.execPath,
        [
          ...[flameletProgram, 'join', to, '--name', name, '-o', 'json', '--trust-any', '--data-any'],
          ...['--state', join(folder.path, 'flamelets', own)],
          ...(realm === undefined ? [] : ['--realm', realm]),
          ...args,
        ],
        token === undefined ? env : { ...env, FLAME_TOKEN: token },
      )
      processes.push(started)
      return started
    },
    async restart(signal = 'SIGKILL') {
      const { port } = new URL(up.url)
      await up.end(signal)
      up = await upUnder({ env }, state, ...upArgs, '--port', port)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((one) => one.end('SIGKILL')))
      await up[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
