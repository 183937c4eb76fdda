import { statusOf } from '../api/client/index.ts'
import type { CodedError } from '../runtime/errors/index.ts'

/** Codes of mistakes in the command line or in files that it names. */
const usageCodes: readonly string[] = [
  'RUN_SETTING_SYNTAX',
  'RUN_OPTION',
  'RUN_PLOT',
  'SIMULATE_THERE',
  'SIMULATE_DIFFERS',
  'SIMULATION_OPTION',
  'SIMULATION_CLIENTS',
  'SIMULATION_TOPOLOGY',
  'SIMULATION_DIFFERS',
  'BEHAVIOUR_MODEL',
  'BEHAVIOUR_SETTING',
  'BEHAVIOUR_TEXT',
  'BEHAVIOUR_TRACE',
  'TRACE_EMPTY',
  'TRACE_HEADER',
  'TRACE_LINE',
  'TRACE_TWICE',
  'TRACE_OVERLAP',
  'TRACE_GAP',
  'FEDSCALE_FORM',
  'PREDICT_UNABLE',
  'PREDICT_EMPTY',
  'PREDICT_COLUMNS',
  'DATA_FILE',
  'DATA_CSV',
  'DATA_CSV_COLUMN',
  'DATA_TEXT',
  'WEIGHTS_FILE',
  'WEIGHTS_MISMATCH',
  'REGISTRY_NO_MODEL',
  'CODE_SIZE',
  'CODE_LINK',
  'RUN_RESUME_DIFFERS',
  'TAG_INVALID',
  'WORKLOAD_MISSING',
  'WORKLOAD_SETTING',
  'WORKLOAD_VALUE',
  'STRATEGY_SETTING',
  'STRATEGY_SETTING_UNKNOWN',
  'STRATEGY_UNKNOWN',
  'STRATEGY_SYNTAX',
  'STRATEGY_MISFIT',
  'STRATEGY_TOPOLOGY',
  'STRATEGY_CLIENTS',
  'STRATEGY_LEARNER',
  'REGISTRY_ADDRESS',
  'DATA_SCHEME',
  'DATA_TOO_FEW',
  'STORE_URL',
  'API_ORIGIN',
  'CLIENT_ENDPOINT',
  'CLIENT_TOKEN',
  'CLIENT_NAME',
  'NAME_INVALID',
  'CONFIG_MISSING',
  'CONFIG_INVALID',
  'FILE_UNREADABLE',
  'FILE_LARGE',
  'FILE_JSON',
  'FILE_TWICE',
  'FILE_EXISTS',
  'MODEL_INVALID',
  'OPTION_VALUE',
  'OPTION_UNUSED',
  'LINK_ADDRESS',
  'KEY_INVALID',
  'KEY_UNKNOWN',
  'KEY_EXISTS',
  'KEY_FILE',
  'FLAMELET_TRUST',
  'FLAMELET_NAME',
  'NODE_TLS_FILE',
  'NODE_TLS_PAIR',
  'API_TOKEN_REQUEST',
]

/** Hints for refusals of the server, whose own hints are written for authors of programs. */
const hintsOfCommands: Readonly<Record<string, string>> = {
  DESIGN_EXISTS: 'choose another id, or change the design with flamectl update design',
  DESIGN_USED: 'remove the jobs first, or the design all the same with flamectl remove design -f',
  SCHEMA_UNKNOWN: 'give it one with flamectl create schema <designId> <json>',
  CODE_UNKNOWN: 'give it some with flamectl create code <designId> <zip or folder>',
  API_TOKEN_MISSING: "have one issued on the server's machine: export FLAME_TOKEN=$(flamectl token <user>)",
  API_TOKEN_INVALID: 'set FLAME_TOKEN to what flamectl token printed, or have another one issued',
  API_FOREIGN: 'name the server by its address on loopback with --endpoint, or start it with --auth',
  API_FOREIGN_ACCOUNT:
    'run this as the account that runs the server, or have it started with --shared, or with --auth and a token issued',
  API_FOREIGN_USER:
    'leave --user, FLAME_USER and the configured user away, or set FLAME_TOKEN to a token of that user; things of all users need the scope admin',
  API_NOT_FOUND: 'see whether a control plane of this version answers at the endpoint',
  API_TOO_MANY: 'try again in a moment',
}

/** The hint of an error for a person at the command line. */
export function hintOf({ code, hint }: CodedError): string {
  return hintsOfCommands[code] ?? hint
}

/**
 * Exit statuses. `behind`: all is done, but the registry doesn't have all models. `modelsMissing`: a job has completed, and the
 * registry has no model of it. `stopped`: another client has stopped the job. `unfinished` is Node's status of a program that
 * waits for a promise when nothing is left to settle it. `unread` is the status that shells give a program that SIGPIPE ended:
 * the reader of its output has gone.
 */
export const exitStatus = {
  ...{ done: 0, failed: 1, misused: 2, notFound: 3, refused: 4, behind: 5, modelsMissing: 6, stopped: 7 },
  ...{ unfinished: 13, unread: 141 },
} as const

/** Exit statuses of errors of a run. */
const runStatus: Readonly<Record<string, number>> = {
  RUN_BEHIND: exitStatus.behind,
  RUN_MODELS_MISSING: exitStatus.modelsMissing,
  RUN_STOPPED: exitStatus.stopped,
  UNFINISHED: exitStatus.unfinished,
}

/** The exit status for an error: by the status of the server's answer if there was one, else by the error's code. */
export function exitStatusOf(error: CodedError): number {
  const status = statusOf(error)
  if (status === 404 || error.code === 'FLAMELET_UNKNOWN') return exitStatus.notFound
  const ofRun = runStatus[error.code]
  if (ofRun !== undefined) return ofRun
  if (error.code === 'FLAMELET_REFUSED') return exitStatus.refused
  if (status !== undefined) return status >= 400 && status < 500 ? exitStatus.refused : exitStatus.failed
  return usageCodes.includes(error.code) ? exitStatus.misused : exitStatus.failed
}

/** Codes of faults in the user's own code: the places in that code are shown. */
export const causeCodes: readonly string[] = ['WORKLOAD_BROKEN', 'JOB_ROLE_FAILED', 'RUN_FAILED', 'UNEXPECTED']

/** Exit statuses after a stop by a signal, as shells number them. */
const stoppedStatus = { SIGINT: 130, SIGTERM: 143 } as const

/** The first signal asks for a graceful stop; the second ends the process at once. */
export function onStopSignals(stop: (status: number) => void): void {
  let asked = false
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (asked) process.exit(stoppedStatus[name])
      asked = true
      stop(stoppedStatus[name])
    })
  }
}
