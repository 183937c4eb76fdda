import { statusOf } from '../api/client/index.ts'
import { type CodedError, errorFactory } from '../runtime/errors/index.ts'

const flamectlErrors = {
  RUN_SETTING_SYNTAX: {
    message: '--set expects name=value,name=value, and got {given}',
    hint: 'write for example --set rounds=10,fraction=0.2',
  },
  RUN_OPTION: { message: '{option} expects {expected}, and got {given}', hint: 'see flamectl run --help' },
  RUN_RESUME_DIFFERS: {
    message: 'job {job} began with {name} {began}, and this command says {given}',
    hint: 'resume with what it began with (only rounds may be more, once the job has ended), or begin a new job without --resume',
  },
  RUN_PLOT: {
    message: 'the plot {file} cannot be written: {reason}',
    hint: 'name a file in a folder that is there and may be written',
  },
  RUN_FAILED: { message: 'job {job} failed: {cause}', hint: 'mend the cause, then run the same command with --resume' },
  CODE_SIZE: {
    message: 'the folder {folder} holds more than {files} files, or {megabytes} MB of them',
    hint: 'put the code into a folder of its own',
  },
  CODE_LINK: {
    message: 'the symbolic link {link} leads {found}',
    hint: 'put a copy of the file or folder in its place, or take the link away',
  },
  CONFIG_MISSING: {
    message: 'the configuration {file} cannot be read: {reason}',
    hint: 'name another with --config, or leave it out',
  },
  CONFIG_INVALID: {
    message: 'the configuration {file} is invalid: {found}',
    hint: 'write in YAML, each on a line of its own, "apiserver: { endpoint: URL }" and "user: NAME"',
  },
  FILE_UNREADABLE: { message: '{file} cannot be read: {reason}', hint: 'name a file that is there' },
  FILE_UNWRITABLE: {
    message: '{file} cannot be written: {reason}',
    hint: 'call it in a folder that this user may write, with room on its disk',
  },
  FILE_LARGE: { message: '{file} has more than {most} bytes', hint: 'see whether it is the right file' },
  FILE_JSON: { message: '{file} is no JSON: {reason}', hint: 'mend it there' },
  FILE_TWICE: {
    message: '{file} has both {field} and {path}',
    hint: 'leave one of them out',
  },
  FILE_EXISTS: { message: 'there is a file {file} already', hint: 'move it away, or replace it with --force' },
  OPTION_VALUE: { message: '{option} expects {expected}, and got {given}', hint: 'see --help' },
  STATE_RIGHTS: {
    message: 'other accounts may use the folder of the state {folder} (mode {mode}), where keys of tasks lie: {found}',
    hint: 'see that what is in it is yours, then chmod go-rwx {folder}; or say --shared if they may',
  },
  UP_LISTEN: {
    message: 'the control plane cannot listen at {host}, port {port}: {reason}',
    hint: 'stop what listens there, or choose another --port; 0 chooses a free one',
  },
  UNEXPECTED: {
    message: '{error}',
    hint: "a fault in the workload's code, or in flamectl's: it arose here",
  },
} as const

export const flamectlError = errorFactory(flamectlErrors)

/** Codes of mistakes in how the command was called. */
const usageCodes: readonly string[] = [
  'RUN_SETTING_SYNTAX',
  'RUN_OPTION',
  'RUN_PLOT',
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
]

/** What to do about refusals of the server, whose own hints are for who writes programs. */
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
  API_FOREIGN_USER: 'leave --user, FLAME_USER and the configured user away, or set FLAME_TOKEN to a token of that user',
  API_NOT_FOUND: 'see whether a control plane of this version answers at the endpoint',
  API_TOO_MANY: 'try again in a moment',
}

/** What a person at the command line can do about an error. */
export function hintOf({ code, hint }: CodedError): string {
  return hintsOfCommands[code] ?? hint
}

/** How the process ends; `unread`, when nobody reads what it writes, is what shells say of a program that SIGPIPE ended. */
export const exitStatus = { done: 0, failed: 1, misused: 2, notFound: 3, refused: 4, unread: 141 } as const

/** The exit status that tells of an error: by the server's answer if it came from there, else by its code. */
export function exitStatusOf(error: CodedError): number {
  const status = statusOf(error)
  if (status === 404) return exitStatus.notFound
  if (status !== undefined) return status >= 400 && status < 500 ? exitStatus.refused : exitStatus.failed
  return usageCodes.includes(error.code) ? exitStatus.misused : exitStatus.failed
}

/** Codes of faults in code that the user brought: where in it the cause arose is shown. */
export const causeCodes: readonly string[] = ['WORKLOAD_BROKEN', 'JOB_ROLE_FAILED', 'RUN_FAILED', 'UNEXPECTED']
