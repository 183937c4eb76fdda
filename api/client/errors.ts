import { z } from 'zod'
import { CodedError, errorFactory } from '../../runtime/errors/index.ts'

const clientErrors = {
  CLIENT_ENDPOINT: {
    message: '{given} is no endpoint',
    hint: 'name a URL such as http://127.0.0.1:10100',
  },
  CLIENT_TOKEN: {
    message:
      'the token is none: it has characters that no request can bear, such as a space, the end of a line or an accent',
    hint: 'give the token alone, as flamectl token prints it',
  },
  CLIENT_NAME: { message: '{given} is no {name}', hint: 'name one that is there' },
  CLIENT_UNREACHABLE: {
    message: 'nothing answers at {endpoint}: {reason}',
    hint: 'start a control plane there with flamectl up, or name another endpoint',
  },
  CLIENT_NO_TLS: {
    message: 'the server at {endpoint} does not speak https',
    hint: 'name it with http:// if it is on this machine, else have it started with --tls-cert and --tls-key, or a proxy with TLS before it',
  },
  CLIENT_CERTIFICATE: {
    message: 'no trusted connection with {endpoint}: {reason}',
    hint: "name the file with the certificate of the server's authority with --ca, and your own certificate where the server asks for one",
  },
  CLIENT_TIMEOUT: {
    message: '{request} was not answered within {timeoutMs} ms',
    hint: 'see whether it was done, and ask again; give it longer if the server is busy',
  },
  CLIENT_STATUS: {
    message: '{request} was answered {status}: {detail}',
    hint: 'see whether a control plane, and nothing else, answers there',
  },
  CLIENT_ANSWER: {
    message: 'the answer to {request} cannot be read: {found}',
    hint: 'see whether a control plane of this version answers there',
  },
  CLIENT_SILENT: {
    message: 'nothing has come for {seconds} s, not even a sign that the server is there',
    hint: 'see whether the server runs, and follow the job again',
  },
  CLIENT_EVENTS_LOST: {
    message: 'the events of job {job} broke off after number {after}, and cannot be had for {seconds} s: {reason}',
    hint: 'see whether the server runs, and follow the job again',
  },
} as const

export const clientError = errorFactory(clientErrors)

const problem = z.object({
  code: z.string().min(1),
  detail: z.string(),
  hint: z.string().default('mend what the message names, and try again'),
  faults: z.array(z.looseObject({ code: z.string(), place: z.string(), message: z.string() })).exactOptional(),
})

/**
 * The server's refusal as an error with the server's own code, message and hint. `values` has `status`, and `faults` if the
 * server listed faults by path. CLIENT_STATUS if the answer is no problem document.
 */
export function refusal(request: string, status: number, body: string): CodedError {
  const json = parsed(body)
  const found = problem.safeParse(json)
  if (found.success) {
    const { code, detail, hint, ...rest } = found.data
    return new CodedError(code, { message: '{detail}', hint: '{hint}' }, { detail, hint, status, ...rest })
  }
  // Who sends no problem documents sends the message as a JSON string.
  const detail = typeof json === 'string' ? json : body.slice(0, 200) || 'nothing more was said'
  return clientError('CLIENT_STATUS', { request, status, detail })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
