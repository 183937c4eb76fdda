import { isRefusal } from '../../actors/index.ts'
import { CodedError, isStoreTrouble, type StoreTroubleCode } from '../../runtime/index.ts'
import { registryAgain } from '../../sdk/index.ts'
import { type ApiErrorCode, apiError, apiErrors, catalogueStatus, registryTrouble, storeTroubles } from '../errors.ts'

/** A problem document (RFC 9457), with the code of the refusal and every fault at its place. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly hint: string
  readonly faults?: unknown
  /** How many faults there are beside those. */
  readonly moreFaults?: number
}

/** Whose promise to answer was not kept. */
const busyCodes: readonly string[] = ['KERNEL_ASK_TIMEOUT', 'KERNEL_STOPPED']

const problemType = 'application/problem+json'

/** The problem document of an error. For a fault of the server itself, the document says only that there is a fault. */
export function problemOf(cause: unknown): Problem {
  if (isRefusal(cause)) return problem(cause, catalogueStatus[cause.code])
  if (isApiError(cause)) return problem(cause, apiErrors[cause.code].status)
  if (isStoreTrouble(cause)) return storeProblem(cause)
  if (cause instanceof CodedError && registryAgain(cause) !== 'no')
    return problem(new CodedError(cause.code, registryTrouble, {}), registryTrouble.status)
  if (cause instanceof CodedError && busyCodes.includes(cause.code))
    return problemOf(apiError('API_BUSY', {}, { cause }))
  if (cause instanceof CodedError && cause.code === 'STORE_VALUE')
    return problemOf(apiError('API_VALUE', { found: cause.message }, { cause }))
  return problemOf(apiError('API_FAULT', {}, { cause }))
}

function storeProblem({ code }: CodedError<StoreTroubleCode>): Problem {
  const entry = storeTroubles[code]
  return problem(new CodedError(code, entry, {}), entry.status)
}

/** The body for this caller: a problem document where it is accepted, else a JSON string, which existing clients read. */
export function problemBody(
  found: Problem,
  accept: string | undefined,
): { readonly type: string; readonly text: string } {
  if (accept !== undefined && acceptsProblems(accept)) return { type: problemType, text: JSON.stringify(found) }
  return { type: 'application/json', text: JSON.stringify(found.detail) }
}

function acceptsProblems(accept: string): boolean {
  const ranges = accept.split(',').map((range) =>
    range
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/),
  )
  const wanted = ranges.filter(([, ...settings]) => !settings.some((setting) => /^q=0(\.0*)?$/.test(setting)))
  const types = wanted.map(([type]) => type)
  // Who names plain JSON and not problems is an existing client; who takes anything takes a problem.
  if (types.includes(problemType)) return true
  return !types.includes('application/json') && types.some((type) => type === '*/*' || type === 'application/*')
}

function isApiError(cause: unknown): cause is CodedError<ApiErrorCode> {
  return cause instanceof CodedError && Object.hasOwn(apiErrors, cause.code)
}

function problem({ code, message, hint, values }: CodedError, status: number): Problem {
  const { faults, count } = values
  const more = Array.isArray(faults) && typeof count === 'number' ? count - faults.length : 0
  const [title = message] = message.split('\n')
  return {
    type: `urn:flame-fl:problem:${code}`,
    title: title.replace(/:$/, ''),
    status,
    detail: message,
    code,
    hint,
    ...(faults === undefined ? {} : { faults }),
    ...(more > 0 ? { moreFaults: more } : {}),
  }
}
