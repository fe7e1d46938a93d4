#pragma once
// Declares the hook by which updates are counted; Debian and Ubuntu build the library with it.
#ifndef SQLITE_ENABLE_PREUPDATE_HOOK
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#endif
#include <sqlite3.h>

// What Swift cannot call or spell: variadic functions and the casts behind SQLITE_TRANSIENT.

/// sqlite3_db_config for the switches that take a flag; answers SQLite's result code.
static inline int strandline_sqlite_switch(sqlite3 *database, int option, int on) {
    return sqlite3_db_config(database, option, on, (int *)0);
}

/// Stops SQLite from counting its memory, which takes a lock of the whole process at each allocation; only before its
/// first use. Answers SQLite's result code.
static inline int strandline_sqlite_uncounted_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// Binds a copy of `count` bytes as UTF-8 text.
static inline int strandline_sqlite_bind_text(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, (const char *)bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// Binds a copy of `count` bytes as a blob.
static inline int strandline_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

/// Answers a copy of `count` bytes as UTF-8 text from a function.
static inline void strandline_sqlite_result_text(sqlite3_context *context, const void *bytes, sqlite3_uint64 count) {
    sqlite3_result_text64(context, (const char *)bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// Answers a copy of `count` bytes as a blob from a function.
static inline void strandline_sqlite_result_blob(sqlite3_context *context, const void *bytes, sqlite3_uint64 count) {
    sqlite3_result_blob64(context, bytes, count, SQLITE_TRANSIENT);
}
