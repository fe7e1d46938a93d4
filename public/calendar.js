// Which cell of a calendar each partition belongs to. Where there are more partitions than can be told apart, a cell stands
// for several: hours become days, days months, numbers stretches of numbers.

import { monthWords, partitionWords, placeParts } from "./backfills.js";
import { number } from "./format.js";

const mostCells = 4000;
const mostHours = 1500;

/** The level on which partitions are shown: the unit of a cell and that of a group of cells. */
export function levelOf(interval, total) {
  if (typeof interval === "number" || interval === "year" && total > mostCells || interval === "week" && total > mostCells) return "stretch";
  if (interval === "hour") return total <= mostHours ? "hour" : total <= mostCells * 24 ? "day" : "month";
  if (interval === "day") return total <= mostCells ? "day" : "month";
  if (interval === "month") return total <= mostCells ? "month" : "stretch";
  return interval;
}

const dayNumber = ({ year, month, day }) => Math.floor(Date.UTC(year, month - 1, day) / 86_400_000);
const weekdayOf = (parts) => (new Date(Date.UTC(parts.year, parts.month - 1, parts.day)).getUTCDay() + 6) % 7;
const dayOfYear = (parts) => dayNumber(parts) - dayNumber({ year: parts.year, month: 1, day: 1 });
const dayWords = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const sayDay = ({ year, month, day }) => dayWords.format(Date.UTC(year, month - 1, day));

// For each level: which cell and which group a place falls into, where in the group it stands, and how wide a group is.
const levels = {
  hour: {
    columns: 24, cell: (parts) => `${dayNumber(parts)}/${parts.hour}`, group: dayNumber, title: sayDay, column: (parts) => parts.hour,
    // The hour that comes twice is two partitions.
    isOwn: true,
  },
  day: {
    columns: 7, cell: dayNumber, group: ({ year, month }) => year * 12 + month, title: monthWords,
    column: weekdayOf, row: (parts) => Math.floor((parts.day - 1 + weekdayOf({ ...parts, day: 1 })) / 7),
  },
  week: { columns: 53, cell: dayNumber, group: ({ year }) => year, title: ({ year }) => String(year), column: (parts) => Math.min(52, Math.floor(dayOfYear(parts) / 7)), isOwn: true },
  month: { columns: 12, cell: ({ year, month }) => year * 12 + month, group: ({ year }) => year, title: ({ year }) => String(year), column: ({ month }) => month - 1 },
  year: {
    columns: 10, cell: ({ year }) => year, group: ({ year }) => Math.floor(year / 10), title: ({ year }) => `${Math.floor(year / 10)}0s`, column: ({ year }) => year % 10,
  },
};

/** Cells by the calendar: groups of `{ from, to, column, row }`, the numbers of the partitions that each stands for. */
function byCalendar(partitions, level, timezone) {
  const way = levels[level];
  const groups = [];
  let group, groupKey, cell, cellKey, day, dayText;
  for (let place = 0; place < partitions.total; place += 1) {
    const text = partitions.starts[place];
    // Most hours of a day are told apart by little; a day is read once.
    const parts = text === dayText ? day : placeParts(text, timezone);
    if (!parts) return null;
    [day, dayText] = [parts, text];
    const nextGroup = way.group(parts);
    if (nextGroup !== groupKey) {
      group = { title: way.title(parts), cells: [] };
      groups.push(group);
      groupKey = nextGroup;
      cellKey = undefined;
    }
    const nextCell = way.cell(parts);
    if (way.isOwn || nextCell !== cellKey) {
      const before = group.cells.at(-1);
      const row = way.row?.(parts) ?? 0;
      const column = way.isOwn && before ? Math.max(before.column + 1, way.column(parts)) : way.column(parts);
      cell = { from: place + 1, to: place + 1, column, row };
      group.cells.push(cell);
      cellKey = nextCell;
    } else cell.to = place + 1;
  }
  // A year that begins with a shorter week, or a day of 25 hours, has one more.
  const columns = Math.max(way.columns, ...groups.map(({ cells }) => cells.at(-1).row > 0 ? 0 : cells.at(-1).column + 1));
  return { level, columns, groups };
}

function byStretches(partitions) {
  const { total } = partitions;
  const size = Math.max(1, Math.ceil(total / 2000));
  const columns = 50;
  const cells = Array.from({ length: Math.ceil(total / size) }, (_, place) => ({
    from: place * size + 1, to: Math.min(total, (place + 1) * size), column: place % columns, row: Math.floor(place / columns),
  }));
  return { level: "stretch", columns, groups: [{ title: "", cells }] };
}

/** The cells that stand for the partitions of a backfill. */
export function cellsOf(partitions, { interval, timezone }) {
  const level = levelOf(interval, partitions.total);
  return (level === "stretch" ? null : byCalendar(partitions, level, timezone)) ?? byStretches(partitions);
}

/** What a cell stands for, in words. */
export function cellWords(partitions, cell, backfill) {
  const words = partitionWords({ start: partitions.starts[cell.from - 1], end: partitions.ends[cell.to - 1] }, backfill);
  return cell.from === cell.to ? words : `${words}, ${number(cell.to - cell.from + 1)} partitions`;
}
