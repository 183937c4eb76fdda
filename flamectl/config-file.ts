import { z } from 'zod'
import { quotaNames } from '../actors/model/index.ts'
import { CodedError, fileErrorCode, fileReason } from '../runtime/errors/index.ts'
import { flamectlError } from './errors.ts'
import { textOf } from './files/json-files.ts'

const backends = ['mqtt', 'p2p', 'ws'] as const
const registries = ['dummy', 'local', 'mlflow'] as const

/** Other fields are let be: other tools' settings may stand in the same file. */
const model = z.object({
  apiserver: z.object({ endpoint: z.string().min(1).optional() }).optional(),
  user: z.string().min(1).optional(),
  token: z.string().min(1).optional(),
  /** For `up` and `token`: for how many days a token may be good. */
  tokens: z.object({ maxDays: z.number().positive() }).optional(),
  /** For `up`: most of each that a user may have. */
  quotas: z.partialRecord(z.enum(quotaNames), z.number().int().nonnegative()).optional(),
  /** For `up`: where the flamelets' workers find each other and put their models, and which image runs them. */
  flamelets: z
    .object({
      brokers: z.array(z.object({ sort: z.enum(backends), host: z.string().min(1) })).optional(),
      registry: z.object({ sort: z.enum(registries), uri: z.string().default('') }).optional(),
      image: z.string().min(1).optional(),
    })
    .optional(),
})

const mostBytes = 1024 * 1024

/** How a home says that there is no configuration in it. */
const absent: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EACCES']

export type Config = z.output<typeof model>

/** Reads the configuration; empty if the file needn't be there and isn't. CONFIG_MISSING, CONFIG_INVALID, FILE_LARGE. */
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
    // A user may have been given the home of another, which isn't theirs to read.
    if (optional && absent.includes(fileErrorCode(cause))) return {}
    throw flamectlError('CONFIG_MISSING', { file, reason: fileReason(cause) }, { cause })
  }
  const decoded = decodedFrom(file, (await parsed(file, text)) ?? {})
  if (decoded.success) return decoded.data
  const found = decoded.error.issues.map(({ path, message }) => `${path.join('.') || '(whole)'}: ${message}`).join('; ')
  throw flamectlError('CONFIG_INVALID', { file, found })
}

/** For how long a token may be good, where that is set. */
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
  // Most have no configuration, and needn't wait for its reader.
  const { parse, YAMLParseError } = await import('yaml')
  try {
    // Warnings, too, would quote the file.
    return parse(text, { logLevel: 'error', maxAliasCount: 100 })
  } catch (cause) {
    // Nothing of the parser's own words, and no cause: a token stands in the file, and they quote it.
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
