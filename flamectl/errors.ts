import { errorFactory } from '../runtime/errors/index.ts'

const flamectlErrors = {
  RUN_SETTING_SYNTAX: {
    message: '--set expects name=value,name=value, and got {given}',
    hint: 'write for example --set rounds=10,fraction=0.2',
  },
  RUN_OPTION: { message: '{option} expects {expected}, and got {given}', hint: 'see flamectl run --help' },
  RUN_RESUME_DIFFERS: {
    message: 'job {job} began with {name} {began}, and this command says {given}',
    hint: 'resume with the settings that the job began with (only rounds may be more, once the job has ended), or begin a new job without --resume',
  },
  RUN_PLOT: {
    message: 'the plot {file} cannot be written: {reason}',
    hint: 'name a file in a folder that is there and may be written',
  },
  RUN_FAILED: { message: 'job {job} failed: {cause}', hint: 'mend the cause, then run the same command with --resume' },
  RUN_BEHIND: {
    message: 'the rounds are over, and the registry does not have {rounds} models of job {job} yet: {reason}',
    hint: 'they are kept; when the registry is there: {resumeCommand}',
  },
  RUN_MODELS_MISSING: {
    message: 'job {job} has completed, and {place} has no model of it',
    hint: 'name the registry of its models by --registry or --models (memory: keeps none beyond a run); if they were removed, train again without --resume',
  },
  RUN_STOPPED: {
    message: 'job {job} was stopped by another client, after round {rounds}',
    hint: 'to go on: {resumeCommand}',
  },
  SIMULATE_THERE: {
    message: 'the folder {folder} has a simulation already',
    hint: 'go on with it by --resume, or name another folder',
  },
  SIMULATE_DIFFERS: {
    message: 'the simulation in {folder} began with {name} {began}, and this command says {given}',
    hint: 'resume with the options that it began with (rounds and hours may be more), or name another folder',
  },
  PREDICT_UNABLE: {
    message: 'the learner of workload {workload} predicts nothing: {reason}',
    hint: '{advice}',
  },
  PREDICT_EMPTY: { message: '{of} has no examples', hint: 'give a file with a row for each example below the header' },
  PREDICT_COLUMNS: {
    message: '{of} has examples of shape [{came}], and the model takes [{expected}]',
    hint: 'name the columns of the features by --features, or those that are none by --id and --label',
  },
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
  OPTION_UNUSED: { message: '{option} has no effect {where}', hint: '{advice}' },
  TOKEN_UNKNOWN: {
    message: 'no token {id} is among those of {file} that have not expired',
    hint: 'take an id from flamectl token --list with the same --key-file; a token of this id is refused all the same',
  },
  STATE_RIGHTS: {
    message: 'other accounts may use the folder of the state {folder} (mode {mode}), where keys of tasks lie: {found}',
    hint: 'see that the files in it are yours, then chmod go-rwx {folder}; or say --shared if they may',
  },
  UP_LISTEN: {
    message: 'the control plane cannot listen at {host}, port {port}: {reason}',
    hint: 'stop the program that listens there, or choose another --port (0 chooses a free one), and a --host of this machine',
  },
  UNFINISHED: {
    message: 'the process ended before the command was over: {reason}',
    hint: "see whether the workload's code calls process.exit, or waits for a promise that never settles; a run goes on by the same command with --resume",
  },
  UNEXPECTED: {
    message: '{error}',
    hint: "a fault in the workload's code, or in flamectl's: it arose here",
  },
} as const

export const flamectlError = errorFactory(flamectlErrors)
