import type { CatalogueErrorCode } from '../actors/index.ts'
import { type ErrorEntry, errorFactory } from '../runtime/errors/index.ts'
import type { StoreTroubleCode } from '../runtime/index.ts'

interface ApiErrorEntry extends ErrorEntry {
  readonly status: number
}

export const apiErrors = {
  API_JSON: { status: 400, message: 'the body cannot be read as JSON: {found}', hint: 'send one JSON value in UTF-8' },
  API_FORM: {
    status: 400,
    message: 'the form cannot be read: {found}',
    hint: 'send multipart/form-data as RFC 7578 has it: lines that end with CRLF, parts with names, nothing encoded',
  },
  API_HEADER: { status: 400, message: 'the header {header} is {found}', hint: 'send {expected}' },
  API_RANGE: {
    status: 416,
    message: 'the range {found} lies outside of the {size} bytes',
    hint: 'ask for bytes that are there',
  },
  API_QUERY: { status: 400, message: 'the query is invalid:\n{list}', hint: 'mend each parameter' },
  API_TOKEN_MISSING: {
    status: 401,
    message: 'this needs a token',
    hint: 'send it as "Authorization: Bearer …"; flamectl token issues one',
  },
  API_TOKEN_EXPIRED: { status: 401, message: 'the token has expired', hint: 'have another one issued' },
  API_TOKEN_INVALID: {
    status: 401,
    message: 'the token is not good: {found}',
    hint: 'send it as it was issued, or have another one issued',
  },
  API_SCOPE: {
    status: 403,
    message: 'this needs a token with the scope {needed}, and the scope of this one is {present}',
    hint: 'have a token issued with that scope',
  },
  API_FOREIGN_USER: {
    status: 403,
    message: 'the token is that of {user}, and these are things of {owner}',
    hint: 'ask for things of {user}, or use a token of {owner}, or one with the scope admin',
  },
  API_TOKEN_REQUEST: { status: 500, message: 'a token cannot have {found}', hint: 'expected: {expected}' },
  API_KEY_FILE: {
    status: 500,
    message: 'the key file {file} cannot be used: {found}',
    hint: 'let it, and its folder, belong to the account that uses it, and nobody else write there (chmod 600 the file, go-w the folder); or have a new one written: then the tokens issued so far are void',
  },
  API_KEY_PLACE: {
    status: 500,
    message: 'the key file {file} cannot be read or written: {reason}',
    hint: 'name a file in a folder that this user may write with --key-file, or mend the folder',
  },
  API_KEYS_UNUSABLE: {
    status: 503,
    message: 'the server cannot check tokens at present',
    hint: "ask again later; the server's log has the cause",
  },
  API_FOREIGN: {
    status: 403,
    message: 'the request comes from {from}, and this server answers only its own machine',
    hint: 'call it by its address on loopback; pages of another origin are allowed by flamectl up --cors',
  },
  API_FOREIGN_ACCOUNT: {
    status: 403,
    message: 'the request comes from account {account} of this machine, and this server answers account {own} and root',
    hint: 'have it started with flamectl up --shared, which answers all accounts of the machine, or with --auth, and bring a token',
  },
  API_NOT_FOUND: { status: 404, message: 'nothing is at {path}', hint: 'see /openapi.json for the paths' },
  API_METHOD: {
    status: 405,
    message: '{method} is not possible at {path}',
    hint: 'see /openapi.json for the methods of the path',
  },
  API_TLS: {
    status: 426,
    message: 'the server speaks TLS, and the request came without TLS',
    hint: 'name the server with https:// (or wss://)',
  },
  API_TOO_LARGE: {
    status: 413,
    message: 'the body has more than {limit} bytes',
    hint: 'send less, or raise the limit of the server; of code it is that of flamectl up --max-code',
  },
  API_MEDIA_TYPE: { status: 415, message: 'the body is {found}', hint: 'send {expected}' },
  API_TOO_MANY: {
    status: 429,
    message: 'the server has {limit} {what} under way, which is its limit',
    hint: 'ask again after the seconds that Retry-After says',
  },
  API_BODY_STALLED: {
    status: 408,
    message: 'the rest of the body did not come: nothing for {seconds} s',
    hint: 'send the body to its end, without pauses of that length',
  },
  API_FIELD_NAME: {
    status: 400,
    message: 'the body has a field named {name}, at {place}',
    hint: 'give it another name: this one has a meaning in JavaScript',
  },
  API_VALUE: {
    status: 422,
    message: 'the body holds what cannot be kept: {found}',
    hint: 'leave out halves of surrogate pairs',
  },
  API_FAULT: {
    status: 500,
    message: 'the server has a fault',
    hint: "see the server's log; a change that was asked for may or may not have been made",
  },
  API_BUSY: {
    status: 503,
    message: 'the server did not get to it in time',
    hint: 'ask again later; a change that was asked for may still be made',
  },
  API_NOT_READY: {
    status: 503,
    message: 'the server is not ready: {reason}',
    hint: 'ask again later, or another server',
  },
  API_ORIGIN: {
    status: 500,
    message: '{found} is no origin of pages',
    hint: 'name a scheme, a host and a port that is not the usual one, such as https://example.org or http://localhost:5173',
  },
  API_OPEN_HOST: {
    status: 500,
    message: 'the server asks nobody who they are, and {host} can be reached from other machines',
    hint: 'listen on 127.0.0.1, or switch authentication on',
  },
} as const satisfies Record<string, ApiErrorEntry>

/** How a store that can't be written at present is told to callers, who needn't know where it is. */
export const storeTroubles: Readonly<Record<StoreTroubleCode, ApiErrorEntry>> = {
  STORE_FULL: {
    status: 507,
    message: "there is no room in the server's store",
    hint: 'free some space where it is; the server goes on by itself then, and what was acknowledged is kept',
  },
  STORE_DENIED: {
    status: 503,
    message: 'the server may not write its store',
    hint: 'allow it where the store is; the server goes on by itself then, and what was acknowledged is kept',
  },
  STORE_LOST: {
    status: 503,
    message: "the server's store cannot be reached",
    hint: "see the server's log, and whether the store's disk or network folder is there and sound",
  },
  STORE_UNREACHABLE: {
    status: 503,
    message: "the server's database does not answer",
    hint: 'see that it runs; the server goes on by itself then. A change that was asked for may have been made',
  },
  STORE_UNAUTHORIZED: {
    status: 503,
    message: "the server's database refuses its user",
    hint: 'give the user its rights back; the server goes on by itself then',
  },
}

/** How a registry of models that can't be used at present is told to callers, who needn't know where it is. */
export const registryTrouble: ApiErrorEntry = {
  status: 503,
  message: 'the registry of the models cannot be used at present',
  hint: 'ask again later; the log of the server has the reason',
}

export type ApiErrorCode = keyof typeof apiErrors

export const apiError = errorFactory<ApiErrorCode>(apiErrors)

/** The status with which each refusal of the catalogue is answered. */
export const catalogueStatus: Readonly<Record<CatalogueErrorCode, number>> = {
  MODEL_UNKNOWN_FIELD: 400,
  MODEL_INVALID: 422,
  NAME_INVALID: 400,
  FIELD_DIFFERS: 422,
  DESIGN_EXISTS: 409,
  DESIGN_UNKNOWN: 404,
  DESIGN_USED: 409,
  SCHEMA_UNKNOWN: 404,
  SCHEMA_INVALID: 422,
  CODE_UNKNOWN: 404,
  CODE_ARCHIVE: 422,
  DATASET_EXISTS: 409,
  DATASET_UNKNOWN: 404,
  DATASET_USED: 409,
  REALM_UNSERVED: 422,
  REALM_UNKNOWN: 422,
  COMPUTE_KEY_DIFFERS: 409,
  COMPUTE_RESERVED: 403,
  COMPUTE_FIXED: 403,
  COMPUTE_UNTRUSTED: 422,
  COMPUTE_UNKNOWN: 404,
  COMPUTE_USED: 409,
  COMPUTE_KEY_MISSING: 401,
  COMPUTE_KEY_WRONG: 403,
  COMPUTE_JOINED: 409,
  FLAMELET_TAKEN: 409,
  FLAMELET_OTHER: 403,
  FLAMELET_JOB: 403,
  FLAMELETS_MANY: 422,
  FLAMELET_UNKNOWN: 404,
  FLAMELET_PRESENT: 409,
  JOB_EXISTS: 409,
  JOB_NOT_FOUND: 404,
  JOB_INVALID: 422,
  JOB_STATE: 409,
  BASE_MODEL_PLACE: 422,
  MODEL_NEEDED: 409,
  ROUND_UNKNOWN: 404,
  TASK_KEY_MISSING: 400,
  TASK_KEY_WRONG: 403,
  DEPLOYMENT_UNKNOWN: 404,
  ACKNOWLEDGED_UNKNOWN: 422,
  RECIPIENT_TAKEN: 429,
  TASK_UNKNOWN: 404,
  TASK_ENDED: 409,
  MATCH_FAILED: 412,
  MATCH_PRESENT: 412,
  QUOTA_REACHED: 422,
  IDEMPOTENCY_UNDER_WAY: 409,
  IDEMPOTENCY_DIFFERS: 422,
  WRITTEN_MEANWHILE: 409,
  RECORD_DAMAGED: 500,
}
