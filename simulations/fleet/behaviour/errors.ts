import { errorFactory } from '../../../runtime/index.ts'

export const behaviourError = errorFactory({
  BEHAVIOUR_PART: {
    message: 'a fleet has no behaviour {part}; it has {known}',
    hint: 'use one of these',
  },
  BEHAVIOUR_MODEL: {
    message: '{part}: {given} is none of the models {known}',
    hint: 'use one of these, with its settings after a colon, such as {example}',
  },
  BEHAVIOUR_SETTING: {
    message: '{of}: {name} is {came}, expected {expected}',
    hint: 'correct {name}',
  },
  BEHAVIOUR_TEXT: {
    message: '{part}: {given} can not be read: {reason}',
    hint: 'separate settings by commas, each once, as value or as name=value, such as {example}',
  },
  BEHAVIOUR_TRACE: {
    message: '{part} comes from a trace, but {reason}',
    hint: '{advice}',
  },
  TRACE_EMPTY: {
    message: 'trace {file} has no devices: it has {found}',
    hint: 'give a csv file with the line device,attribute,value,end, and then a line for each fact of a device',
  },
  TRACE_HEADER: {
    message: 'trace {file}, line {line}: expected the columns device,attribute,value,end, but found {came}',
    hint: 'begin the file with this line',
  },
  TRACE_LINE: {
    message: 'trace {file}, line {line}: {came}, expected {expected}',
    hint: 'correct the line',
  },
  TRACE_TWICE: {
    message: 'trace {file}, line {line}: the {attribute} of device {device} is on line {before} already',
    hint: 'leave one of the lines out',
  },
  TRACE_OVERLAP: {
    message:
      'trace {file}, line {line}: device {device} is available in an interval that overlaps that of line {before}',
    hint: 'join the two intervals, or correct one',
  },
  TRACE_GAP: {
    message: 'trace {file}: device {device}, first named on line {line}, has no {attribute}, but device {other} has',
    hint: 'give each device the same attributes, and check the names of the devices; a device that is never available has an interval of no length: {device},available,0,0',
  },
  FEDSCALE_FORM: {
    message: '{file}{place}: {came}, expected {expected}',
    hint: "export FedScale's file to JSON, as docs/behaviour.md says",
  },
})
