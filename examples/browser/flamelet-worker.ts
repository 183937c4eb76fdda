import { serveFlamelet } from 'flame-fl/flamelet/browser'
import digits from './design/code/trainer/workload.ts'

// The flamelet runs here, so that training never holds up the page.
serveFlamelet({ workload: digits })
