import type { ActorRef } from '../../runtime/index.ts'
import type { Notice, RoundRecord } from '../role/role.ts'
import type { TaskReport } from './role-task.ts'

/** The records and the numbers of a round in progress, until the round is committed. */
export class StagedRecords {
  readonly #end: string
  readonly #part: string | undefined
  readonly #reports: ActorRef<TaskReport>
  #staged: RoundRecord[] | undefined
  #numbers: Map<string, number> | undefined

  /** `part` names the models of a record that doesn't name its own. */
  constructor(end: string, part: string | undefined, reports: ActorRef<TaskReport>) {
    this.#end = end
    this.#part = part
    this.#reports = reports
  }

  get any(): boolean {
    return this.#staged !== undefined || this.#numbers !== undefined
  }

  stage(record: RoundRecord): void {
    this.#staged ??= []
    this.#staged.push(record)
  }

  metric(name: string, value: number): void {
    this.#numbers ??= new Map()
    this.#numbers.set(name, value)
  }

  /** Takes what is staged: records with all their metrics, or the numbers of a round without a record. */
  take(): { readonly records: readonly RoundRecord[]; readonly numbers?: Readonly<Record<string, number>> } {
    const given = this.#numbers ? byName(Object.fromEntries(this.#numbers)) : undefined
    const staged = this.#staged ?? []
    this.#staged = undefined
    this.#numbers = undefined
    const records = staged.map((record) => {
      const { finite, notices } = finiteMetrics(this.#end, record)
      for (const notice of notices) this.#reports.tell({ type: 'notice', end: this.#end, notice })
      return {
        ...record,
        ...(this.#part !== undefined && record.part === undefined && { part: this.#part }),
        metrics: byName({ ...given, ...finite }),
      }
    })
    return { records, ...(given && records.length === 0 && { numbers: given }) }
  }
}

/** Removes metrics that aren't finite, which neither a file nor an event can keep, and makes a notice for each. */
function finiteMetrics(end: string, { round, metrics, whyNotFinite }: RoundRecord) {
  const finite: Record<string, number> = {}
  const notices: Notice[] = []
  const why = whyNotFinite === undefined ? '' : `: ${whyNotFinite}`
  for (const [name, value] of Object.entries(metrics)) {
    if (Number.isFinite(value)) finite[name] = value
    else
      notices.push({
        code: 'ROLE_METRIC_LEFT_OUT',
        message: `metric ${name} of ${end} in round ${round} is ${value}, and is left out${why}`,
      })
  }
  return { finite, notices }
}

/** Sorted by name, so that the published metrics don't depend on the order of calls. */
function byName(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
