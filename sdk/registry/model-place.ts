import { registryError } from './errors.ts'

/** Where a model is that a job may begin with. The addresses have no credentials. */
export type ModelPlace =
  /** A folder with the files of a model, or one file. */
  | { readonly sort: 'files'; readonly path: string }
  /** A folder of a bucket, or an object. With `round`: a round below a job's folder. */
  | {
      readonly sort: 's3'
      /** `s3://bucket/path`, with the parameters of `s3Address`. */
      readonly address: string
      readonly round?: RoundName
      readonly part?: string
    }
  /** A version of a registered model: by its number, by an alias, or the latest. */
  | { readonly sort: 'mlflow-model'; readonly server: string; readonly model: string; readonly version: string }
  /** A round among the artifacts of a job's run. */
  | {
      readonly sort: 'mlflow-run'
      readonly server: string
      readonly run: string
      readonly round: number
      readonly part?: string
    }

/** A round by its number, or the last one, or the best by accuracy, else by loss. */
export type RoundName = number | 'latest' | 'best'

const forms =
  'a folder, a file, s3://BUCKET/FOLDER?endpoint=URL, s3://BUCKET/PREFIX/JOB?round=best&endpoint=URL, ' +
  'mlflow:http://HOST:PORT?model=NAME&version=3 (or &alias=best), or mlflow:http://HOST:PORT?run=ID&round=12'

/**
 * Reads the place of a model: a path, `files:PATH`, or an address of S3 or MLflow. An MLflow model without version and
 * alias is the latest version.
 *
 * @throws REGISTRY_ADDRESS with the fault. The message has no credentials.
 */
export function modelPlace(given: string): ModelPlace {
  const fault = (found: string) => registryError('REGISTRY_ADDRESS', { found, form: forms })
  if (given.startsWith('s3:')) return s3Place(given, fault)
  if (given.startsWith('mlflow:')) return mlflowPlace(given, fault)
  const path = given.replace(/^files:/, '')
  if (path === '') throw fault('it names no folder')
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(path)) throw fault('it begins with no known form')
  return { sort: 'files', path }
}

type Fault = (found: string) => Error

function s3Place(given: string, fault: Fault): ModelPlace {
  const { rest, round, part } = withoutParameters(given, ['round', 'part'], fault)
  if (part !== undefined && round === undefined) throw fault('it names a part, and no round')
  return {
    sort: 's3',
    address: rest,
    ...(round !== undefined && { round: roundName(round, fault) }),
    ...(part !== undefined && { part }),
  }
}

function mlflowPlace(given: string, fault: Fault): ModelPlace {
  const names = ['model', 'version', 'alias', 'run', 'round', 'part']
  const { rest: server, model, version, alias, run, round, part } = withoutParameters(given, names, fault)
  if (model !== undefined) {
    if (run !== undefined || round !== undefined || part !== undefined)
      throw fault('it names a model, and a run or a round')
    if (version !== undefined && alias !== undefined) throw fault('it names a version and an alias')
    if (version !== undefined && !/^[1-9]\d{0,14}$/.test(version)) throw fault('its version is no number')
    return { sort: 'mlflow-model', server, model, version: version ?? alias ?? 'latest' }
  }
  if (run === undefined || round === undefined) throw fault('it names neither a model nor a run and its round')
  if (!/^\d{1,15}$/.test(round)) throw fault('its round is no number')
  return { sort: 'mlflow-run', server, run, round: Number(round), ...(part !== undefined && { part }) }
}

function roundName(text: string, fault: Fault): RoundName {
  if (text === 'latest' || text === 'best') return text
  if (!/^\d{1,15}$/.test(text)) throw fault('its round is neither a number, nor latest, nor best')
  return Number(text)
}

/** The values of some parameters of an address, and the address without these. An empty value counts as absent. */
function withoutParameters(
  given: string,
  names: readonly string[],
  fault: Fault,
): { readonly rest: string; readonly [name: string]: string | undefined } {
  const at = given.indexOf('?')
  if (at < 0) return { rest: given }
  const parameters = new URLSearchParams(given.slice(at + 1))
  const values: [string, string][] = []
  for (const name of names) {
    const found = parameters.getAll(name)
    if (found.length > 1) throw fault(`it has the parameter ${name} twice`)
    if (found[0]) values.push([name, found[0]])
    parameters.delete(name)
  }
  const left = parameters.toString()
  return { ...Object.fromEntries(values), rest: given.slice(0, at) + (left && `?${left}`) }
}

/** An address with further parameters, which a reader of this module takes off again. */
export function addressWith(
  address: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  if (given.length === 0) return address
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return `${address}${address.includes('?') ? '&' : '?'}${query}`
}
