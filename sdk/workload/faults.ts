import { isRecord } from '../../runtime/index.ts'
import type { Workload } from './workload.ts'

/** The faults of a value that should be a workload. Empty if the value is a workload. */
export function workloadFaults(value: unknown): string[] {
  if (!isRecord(value)) return [value === undefined ? 'there is no default export' : 'it is no object']
  const { name, settings, roles = {} } = value
  const faults: string[] = []
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    faults.push('name must be lower-case letters, digits and dashes')
  }
  if (isRecord(settings)) {
    for (const [setting, content] of Object.entries({ rounds: undefined, clients: undefined, ...settings })) {
      const type = typeof content
      if (setting === 'rounds' || setting === 'clients') {
        if (type !== 'number') faults.push(`settings.${setting} must be a number`)
      } else if (type !== 'number' && type !== 'string' && type !== 'boolean') {
        faults.push(`settings.${setting} must be a number, a string, or a boolean`)
      }
    }
  } else {
    faults.push('settings must be an object')
  }
  for (const part of ['learner', 'data', 'topology', 'strategy']) {
    if (typeof value[part] !== 'function') faults.push(`${part} must be a function of the settings`)
  }
  if (!isRecord(roles)) faults.push('roles must be an object, from names of the schema to roles')
  else
    for (const [role, made] of Object.entries(roles)) {
      if (!isRecord(made) || typeof made.runOn !== 'function') faults.push(`roles.${role} must be made by role({ … })`)
    }
  return faults
}

export function isWorkload(value: unknown): value is Workload {
  return workloadFaults(value).length === 0
}
