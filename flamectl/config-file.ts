import { z } from 'zod'
import { quotaNames } from '../actors/model/index.ts'
import { CodedError, fileErrorCode, fileReason } from '../runtime/errors/index.ts'
import { flamectlError } from './errors.ts'
import { textOf } from './files/file-text.ts'

const backends = ['mqtt', 'p2p', 'ws'] as const
const registries = ['dummy', 'local', 'mlflow'] as const

/** Other fields are ignored: the file may hold other tools' settings. */
const model = z.object({
  apiserver: z.object({ endpoint: z.string().min(1).optional() }).optional(),
  user: z.string().min(1).optional(),
  token: z.string().min(1).optional(),
  /** For `up` and `token`: the longest validity of a token, in days. */
  tokens: z.object({ maxDays: z.number().positive() }).optional(),
  /** For `up`: how many things of each kind a user may have. */
  quotas: z.partialRecord(z.enum(quotaNames), z.number().int().nonnegative()).optional(),
  /** For `up`: the brokers, the model registry and the container image of flamelets' workers. */
  flamelets: z
    .object({
      brokers: z.array(z.object({ sort: z.enum(backends), host: z.string().min(1) })).optional(),
      registry: z.object({ sort: z.enum(registries), uri: z.string().default('') }).optional(),
      image: z.string().min(1).optional(),
    })
    .optional(),
})

const mostBytes = 1024 * 1024

/** Codes of system errors that mean: there is no configuration in the home folder. */
const absent: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EACCES']

export type Config = z.output<typeof model>

/** Reads the configuration; an optional file that is missing gives an empty one. CONFIG_MISSING, CONFIG_INVALID, FILE_LARGE. */
export async function readConfig(
  file: string | undefined,
  { optional }: { readonly optional: boolean },
): Promise<Config> {
  if (file === undefined) return {}
  let text: string
  try {
    text = await textOf(file, mostBytes)
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    // The home folder may be another user's, which this user may not read.
    if (optional && absent.includes(fileErrorCode(cause))) return {}
    throw flamectlError('CONFIG_MISSING', { file, reason: fileReason(cause) }, { cause })
  }
  const decoded = decodedFrom(file, (await parsed(file, text)) ?? {})
  if (decoded.success) return decoded.data
  const found = decoded.error.issues.map(({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`).join('; ')
  throw flamectlError('CONFIG_INVALID', { file, found })
}

/** The longest validity of a token, in seconds, if the configuration sets it. */
export function mostSecondsIn({ tokens }: Config): { readonly mostSeconds?: number } {
  return tokens ? { mostSeconds: Math.round(tokens.maxDays * 24 * 60 * 60) } : {}
}

function decodedFrom(file: string, value: unknown) {
  try {
    return model.safeParse(value)
  } catch {
    // zod compares the field `length` of whatever stands in the place of a text.
    throw flamectlError('CONFIG_INVALID', { file, found: 'an object stands in it where a text is expected' })
  }
}

async function parsed(file: string, text: string): Promise<unknown> {
  // The parser is loaded only when there is a configuration.
  const { parse, YAMLParseError } = await import('yaml')
  try {
    // Warnings would also quote the file.
    return parse(text, { logLevel: 'error', maxAliasCount: 100 })
  } catch (cause) {
    // Neither the parser's message nor the cause: both quote the file, which holds a token.
    if (!(cause instanceof YAMLParseError))
      throw flamectlError('CONFIG_INVALID', {
        file,
        found: 'an alias (*name) in it names nothing, or there are too many',
      })
    const [place = { line: 1, col: 1 }] = cause.linePos ?? []
    const found = `line ${place.line}, column ${place.col} has a ${cause.code.toLowerCase().replaceAll('_', ' ')}`
    throw flamectlError('CONFIG_INVALID', { file, found })
  }
}
