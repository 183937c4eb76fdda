import { aggregators } from '#aggregators'
import type { AnyRole } from '../role.ts'
import { trainer } from './trainer.ts'

/** The stock roles, by name. */
export const stockRoles: Readonly<Record<string, AnyRole>> = { [trainer.name]: trainer, ...aggregators }
