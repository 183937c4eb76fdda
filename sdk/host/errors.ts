import { errorFactory } from '../../runtime/index.ts'

const siteErrors = {
  SITE_START_OLD: {
    message: 'the tasks {ends} of run {run} are wanted by its start {start}, but its start {known} is known already',
    hint: 'no action is needed: another server has gone on with the job',
  },
  SITE_FULL: {
    message: 'the tasks {ends} of run {run} find no room: {hosted} of at most {most} tasks are hosted',
    hint: 'wait until other tasks have ended, or let more sites join',
  },
  SITE_TASK_UNKNOWN: {
    message: 'run {run} has no task {end}',
    hint: 'report this fault of the program, with the job that shows it',
  },
  SITE_CODE_NONE: {
    message: 'run {run} has no code that could be fetched',
    hint: 'upload the code of the design of the job, and start the job again',
  },
  SITE_BASE_NONE: {
    message: '{run} has no model to begin with, and a site asks for it',
    hint: 'report this fault of the program, with the job that shows it',
  },
  SITE_MODEL_DAMAGED: {
    message: 'the model of round {round} has {found}, where {expected} is expected',
    hint: 'report this fault of the program; the round is published again when its task is restarted',
  },
} as const

export const siteError = errorFactory(siteErrors)
