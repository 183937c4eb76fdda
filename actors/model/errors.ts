import { CodedError, type ErrorEntry, errorFactory } from '../../runtime/errors/index.ts'

/** Every refusal of the control plane's actors. */
const catalogueErrors = {
  MODEL_UNKNOWN_FIELD: {
    message: 'the {model} has unknown fields:\n{list}',
    hint: 'leave the fields out, or look up their spelling in the API description',
  },
  MODEL_INVALID: { message: 'the {model} is invalid:\n{list}', hint: 'mend each field at its place' },
  NAME_INVALID: {
    message: '{what} is 1 to 100 letters, digits, "_", ".", "@" or "-", and {given} is not',
    hint: 'choose a name of these characters',
  },
  FIELD_DIFFERS: {
    message: 'the {field} of the body is {given}, and the address says {expected}',
    hint: 'leave the field out, or let both say the same',
  },
  DESIGN_EXISTS: { message: 'design {id} exists already', hint: 'choose another id, or update it with PUT' },
  DESIGN_UNKNOWN: { message: 'there is no design {id}', hint: 'create it, or look at the list of designs' },
  DESIGN_USED: {
    message: 'design used in job {jobs}',
    hint: 'delete the jobs first, or delete the design with forceDelete=true',
  },
  SCHEMA_UNKNOWN: { message: 'no design schema found for {id}', hint: 'create one with POST on its schema' },
  SCHEMA_INVALID: { message: 'faults of the schema, {count}:\n{list}', hint: 'mend each at its place' },
  CODE_UNKNOWN: { message: 'no code found for design {id}', hint: 'create it with POST on its code' },
  CODE_ARCHIVE: { message: 'the code archive cannot be used: {found}', hint: '{advice}' },
  DATASET_EXISTS: { message: 'dataset {id} exists already', hint: 'leave the id out, and one is chosen' },
  DATASET_UNKNOWN: { message: 'there is no dataset {id}', hint: 'look at the list of datasets' },
  DATASET_USED: { message: 'dataset {id} is used in job {jobs}', hint: 'wait until the job has ended, or stop it' },
  REALM_UNSERVED: {
    message: "region {region} has no compute that is up and may run the private dataset's tasks",
    hint: 'register a compute there, name the administrator of a present compute in computeAdmins, or use the realm "default"',
  },
  REALM_UNKNOWN: {
    message: 'realm {realm} names no registered compute',
    hint: 'let a flamelet join with --realm {realm} first, register the compute, or use the realm "default"',
  },
  COMPUTE_KEY_DIFFERS: {
    message: 'compute {id} is registered with another key',
    hint: 'use its key, or register under another id',
  },
  COMPUTE_RESERVED: {
    message: 'compute {id} would get all tasks whose datasets name no compute',
    hint: 'let an administrator register it, with a token of the scope admin, or choose another id',
  },
  COMPUTE_FIXED: {
    message: "the key of compute {id} does not allow a change of the compute's region or administrator",
    hint: 'let an administrator change them, with a token of the scope admin, or leave them as they are',
  },
  COMPUTE_UNTRUSTED: {
    message: "compute {id} belongs to {admin}, whose computes may not run the dataset's tasks",
    hint: 'to allow them, name {admin} in computeAdmins of the dataset; else choose another realm',
  },
  COMPUTE_UNKNOWN: { message: 'there is no compute {id}', hint: 'register it with POST on /computes' },
  COMPUTE_USED: { message: 'compute {id} is named by dataset {datasets}', hint: 'move or delete the datasets first' },
  COMPUTE_KEY_MISSING: { message: 'this needs the key of compute {id}', hint: 'send it in the header X-API-KEY' },
  COMPUTE_KEY_WRONG: { message: 'this is not the key of compute {id}', hint: 'send the key that it registered with' },
  COMPUTE_JOINED: {
    message: 'compute {id} is {found}, and flamelet {name} of {user} may not serve it',
    hint: "let the flamelet join with another realm, whose last part names its compute, or with a token of the compute's administrator",
  },
  FLAMELET_TAKEN: {
    message: 'the name {name} belongs to a flamelet of another user',
    hint: 'let the flamelet join with another name',
  },
  FLAMELET_OTHER: {
    message: 'the token is for the flamelet {expected}, and this one is {name}',
    hint: 'let it join as {expected}, or have a token issued for {name}',
  },
  FLAMELET_JOB: {
    message: 'the token is for job {job}, which {found}',
    hint: 'have a token issued for a job that is there, or for any job of the user',
  },
  FLAMELETS_MANY: {
    message: 'user {user} has {most} flamelets by name, which is the limit',
    hint: 'remove flamelets that are gone, or let flamelets join with the names that they had before',
  },
  FLAMELET_UNKNOWN: { message: 'there is no flamelet {name}', hint: 'look at the list of flamelets' },
  FLAMELET_PRESENT: {
    message: 'flamelet {name} is {state}, and is not to be forgotten yet',
    hint: 'end the flamelet first',
  },
  JOB_EXISTS: { message: 'job {id} exists already', hint: 'leave the id out, and one is chosen' },
  JOB_NOT_FOUND: { message: 'there is no job {id}', hint: 'look at the list of jobs' },
  JOB_INVALID: { message: 'faults of the job, {count}:\n{list}', hint: 'mend each at its place; nothing was stored' },
  JOB_STATE: {
    message: 'job {id} is {state}, and {what} needs it to be {needed}',
    hint: 'wait for that state, or stop the job',
  },
  MODEL_NEEDED: {
    message: 'job {by} begins with the model of round {round} of {run}, and has not ended',
    hint: 'wait until job {by} has ended, or remove job {by} first; a job can be removed without its models',
  },
  BASE_MODEL_PLACE: {
    message: 'the base model {name} is refused: {found}',
    hint: '{advice}',
  },
  ROUND_UNKNOWN: {
    message: 'job {job} has no model{part} of round {round}',
    hint: 'name one of its rounds: {known}; of a job with several models a round, name the part, too',
  },
  TASK_KEY_MISSING: { message: 'this needs the key of task {id}', hint: 'send the key that the task was given' },
  TASK_KEY_WRONG: { message: 'this is not the key of task {id}', hint: 'send the key that the task was given' },
  DEPLOYMENT_UNKNOWN: {
    message: 'job {job} is not deployed on compute {compute}',
    hint: 'wait for its ADD_RESOURCE, or look at the jobs of the compute',
  },
  ACKNOWLEDGED_UNKNOWN: {
    message: 'notification {given} is acknowledged, and the last one was {last}',
    hint: 'acknowledge received numbers only; begin with 0 after a change of the job',
  },
  RECIPIENT_TAKEN: {
    message: '{most} later readers wait for these notifications',
    hint: 'let one process at a time read the notifications of a task or a compute',
  },
  TASK_UNKNOWN: { message: 'job {job} has no task {id}', hint: "look at the job's list of tasks" },
  TASK_ENDED: {
    message: 'task {id} is {state}, and cannot be {reported} any more',
    hint: 'send no more reports of the task; a new start of the job starts the task again',
  },
  MATCH_FAILED: {
    message: '{what} has another ETag than If-Match names',
    hint: 'read it again, and repeat with its ETag if the change is still wanted',
  },
  MATCH_PRESENT: {
    message: '{what} is there already, and If-None-Match excludes it',
    hint: 'read the present one; to replace it, name its ETag in If-Match',
  },
  QUOTA_REACHED: {
    message: '{user} has {used} {what}, asks for {asked} more, and may have {most}',
    hint: '{advice}; or have the quota "{quota}" raised, by flamectl up --quota',
  },
  IDEMPOTENCY_UNDER_WAY: {
    message: 'a request with this Idempotency-Key is under way',
    hint: 'repeat this request when the first has ended',
  },
  IDEMPOTENCY_DIFFERS: {
    message: 'another request had this Idempotency-Key',
    hint: 'give each request a key of its own, and repetitions of a request the same key',
  },
  WRITTEN_MEANWHILE: { message: '{what} was changed by another writer meanwhile', hint: 'read it again, and repeat' },
  RECORD_DAMAGED: {
    message: 'this version cannot read the record {id} of {collection}',
    hint: 'see which version wrote it, or restore the store from a copy',
  },
} as const satisfies Record<string, ErrorEntry>

export type CatalogueErrorCode = keyof typeof catalogueErrors

export const catalogueError = errorFactory<CatalogueErrorCode>(catalogueErrors)

/** Most ids that a refusal names. */
const mostNamed = 10

/** Names the first ids of a list, and counts the others. */
export function named(ids: readonly string[]): string {
  const more = ids.length - mostNamed
  return [...ids.slice(0, mostNamed), ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

/** A fault of a body, with its path. */
export interface PlacedFault {
  readonly code: string
  /** Path into the body, such as `modelSpec.optimizer.sort`; empty for the whole. */
  readonly place: string
  readonly message: string
  readonly hint?: string
}

/** Whether an error is a refusal from this table, rather than a fault. */
export function isRefusal(cause: unknown): cause is CodedError<CatalogueErrorCode> {
  return cause instanceof CodedError && Object.hasOwn(catalogueErrors, cause.code)
}

/** Most faults that a refusal lists. */
export const mostFaults = 100

/** Faults for a refusal: the first ones, and the number of all. */
interface ToldFaults {
  readonly listed: readonly PlacedFault[]
  readonly count: number
  /** True if the search ended early, so that there may be more faults. */
  readonly isOpen?: boolean
}

/** Makes a refusal that names faults by their paths: in the message for people, in `values.faults` for programs. */
export function faultyError(
  code: 'MODEL_UNKNOWN_FIELD' | 'MODEL_INVALID' | 'SCHEMA_INVALID' | 'JOB_INVALID',
  found: ToldFaults,
  values: Readonly<Record<string, unknown>> = {},
): CodedError<CatalogueErrorCode> {
  const { listed: faults, count } = found
  const lines = faults.map(({ place, message }) => `  ${place || '(whole)'}: ${message}`)
  if (count > faults.length) lines.push(`  and ${found.isOpen ? 'at least ' : ''}${count - faults.length} more`)
  return catalogueError(code, { ...values, count, list: lines.join('\n'), faults })
}
