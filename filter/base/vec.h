/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vec.h - a growing array of one type.
 *
 *	VEC(struct rule) rules = { 0 };
 *	if (!vec_push(&rules, rule)) return -ENOMEM;
 *	for (size_t i = 0; i < rules.len; i++) use(&rules.items[i]);
 *	vec_done(&rules);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VEC(type)                                                                                                      \
	struct {                                                                                                       \
		type *items;                                                                                           \
		size_t len, capacity;                                                                                  \
	}

/* Add a copy of item; false: no memory, and the vector is as it was. */
#define vec_push(v, item)                                                                                              \
	(vec_grow((void **)&(v)->items, &(v)->capacity, (v)->len, sizeof *(v)->items)                                  \
			? ((v)->items[(v)->len++] = (item), true)                                                      \
			: false)

#define vec_done(v) (free((v)->items), (v)->items = NULL, (v)->len = (v)->capacity = 0)

/* Room for one more item of `size` bytes behind `len`. */
bool vec_grow(void **items, size_t *capacity, size_t len, size_t size);

#endif
