import { errorFactory } from '../runtime/index.ts'

const flameletErrors = {
  CODE_UNSIGNED: {
    message: 'the code is not signed, and flamelet {flamelet} runs signed code alone',
    hint: 'sign the code with flamectl sign, give it to the design as a new revision, and have the owner of the flamelet trust the key',
  },
  CODE_SIGNATURE: {
    message: 'the signature of the code is not valid: {found}',
    hint: 'sign the code again with flamectl sign, after its last change, and give it to the design as a new revision',
  },
  CODE_SIGNER: {
    message: 'the code is signed with key {key}, which flamelet {flamelet} does not trust',
    hint: 'have the owner of the flamelet join with --trust {key}, or sign the code with a key that the owner trusts',
  },
  CODE_EXPIRED: {
    message: 'the signature of {name} with key {key} was valid until {until}',
    hint: 'sign the code again with flamectl sign, and give it to the design as a new revision',
  },
  CODE_NONE: {
    message: 'the job has no code that flamelet {flamelet} could fetch',
    hint: 'upload the code of the design of the job, or have the owner of the flamelet join with --workload',
  },
  CODE_HASH: {
    message: 'the archive that came has the hash {came}, where the job names {expected}',
    hint: 'start the job again; if it happens again, see what stands between the flamelet and its server',
  },
  KEY_INVALID: {
    message: '{given} is no key: {found}',
    hint: 'give a key as flamectl keys show prints it, ed25519: and 43 characters, or a file with it; keys of your own have names such as alice',
  },
  KEY_UNKNOWN: {
    message: 'there is no key {name} in {folder}',
    hint: 'see flamectl keys list, or make one with flamectl keys create {name}',
  },
  KEY_EXISTS: {
    message: 'there is a key {name} in {folder} already',
    hint: 'choose another name; what a lost key signed can be trusted no more, so keys are not replaced',
  },
  KEY_FILE: {
    message: 'the key file {file} cannot be used: {reason}',
    hint: 'see whether the file is there, belongs to this account alone, and is whole',
  },
  FLAMELET_DATASET: {
    message: '{end} trains on dataset {dataset}, which is not on flamelet {flamelet}: it has {has}',
    hint: "have the owner of the flamelet join with --data NAME=PATH, where NAME is the dataset's id or URL, or give the task to another flamelet",
  },
  FLAMELET_START_OLD: {
    message:
      'the tasks {ends} are wanted by start {start} of their run, but flamelet {flamelet} knows its start {known}',
    hint: 'no action is needed: another server has gone on with the job',
  },
  FLAMELET_DRAINING: {
    message: 'flamelet {flamelet} is about to end, and takes no task',
    hint: 'wait until it joins again, or have the job use another flamelet',
  },
  FLAMELET_FULL: {
    message: 'flamelet {flamelet} hosts {hosted} tasks of at most {most}, and has no room for {more} more',
    hint: 'wait until some have ended, have the owner join with a larger --tasks, or use more flamelets',
  },
  FLAMELET_TASK_ENDED: {
    message:
      'the process of {end} on flamelet {flamelet} ended {times} without a round in between; the last time {how}',
    hint: 'mend the cause (process.exit, a training that blocks for ever), or have the owner join with a larger --memory or --round-limit; {next}',
  },
  FLAMELET_TASK_SILENT: {
    message: 'the process of {end} on flamelet {flamelet} answered nothing for {seconds} s',
    hint: 'see whether the training blocks for ever, or have the owner join with a larger --round-limit',
  },
  FLAMELET_ROUND_TIME: {
    message: 'the training of {end} in round {round} took longer than {seconds} s',
    hint: 'train less in a round, or have the owner of the flamelet join with a larger --round-limit',
  },
  FLAMELET_RUNNING: {
    message: 'flamelet {name} has the folder {folder} already (process {pid})',
    hint: 'stop that one first, or name another folder with --state',
  },
  FLAMELET_NAME: {
    message: 'the folder {folder} belongs to flamelet {known}, not to {name}',
    hint: 'leave --name away, or name another folder with --state',
  },
  FLAMELET_UNKNOWN: {
    message: 'the folder {folder} tells of no flamelet: {reason}',
    hint: 'name the folder of a flamelet with --state, or its name with --name',
  },
  FLAMELET_ENDED: {
    message: 'the server has ended the session of flamelet {flamelet}: {reason}',
    hint: 'see whether another flamelet has joined under this name, or the token was revoked; then join again',
  },
  FLAMELET_FAULT: {
    message: 'the flamelet is at fault: {reason}',
    hint: 'join again; the state of its tasks is kept. If it happens again, report it with the message',
  },
  FLAMELET_REFUSED: {
    message: 'the server does not take flamelet {flamelet}: {reason}',
    hint: '{advice}',
  },
  FLAMELET_TRUST: {
    message: '--trust-any runs the code of everybody who reaches {url}',
    hint: 'name the keys to trust with --trust, or use a server on this machine (127.0.0.1 or localhost)',
  },
} as const

export const flameletError = errorFactory(flameletErrors)
