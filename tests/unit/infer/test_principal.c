/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plane of two principal components: points whose axes are known. */
#include "base/mem.h"
#include "report/principal.h"

#include <check.h>
#include <math.h>

/* Four points 2 from their mean along (0, 3, 4)/5, two 1 from it along (0, 4, -3)/5; the mean is
 * 7 in each number. */
static const float points[][3] = { { 7, 8.2f, 8.6f }, { 7, 5.8f, 5.4f }, { 7, 8.2f, 8.6f },
                                   { 7, 5.8f, 5.4f }, { 7, 7.8f, 6.4f }, { 7, 6.2f, 7.6f } };
enum { ROWS = sizeof points / sizeof *points };

START_TEST(axes_are_found)
{
  float xy[ROWS][2];
  double share[2];
  error e = { 0 };
  int64_t live = mem_live();
  ck_assert(!principal_plane(points[0], ROWS, 3, xy[0], share, &e));
  ck_assert_int_eq(mem_live(), live);
  const float want[ROWS][2] = { { 2, 0 }, { -2, 0 }, { 2, 0 }, { -2, 0 }, { 0, 1 }, { 0, -1 } };
  for (int i = 0; i < ROWS; i++)
    for (int k = 0; k < 2; k++)
      ck_assert_msg(fabsf(xy[i][k] - want[i][k]) < 1e-5f, "%d, %d: %g", i, k, (double)xy[i][k]);
  ck_assert(fabs(share[0] - 16. / 18) < 1e-6 && fabs(share[1] - 2. / 18) < 1e-6);
}
END_TEST

START_TEST(points_that_are_one)
{
  const float same[4][3] = { { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 3 } };
  float xy[4][2];
  double share[2];
  error e = { 0 };
  ck_assert(!principal_plane(same[0], 4, 3, xy[0], share, &e));
  ck_assert(share[0] == 0 && share[1] == 0);
  for (int i = 0; i < 4; i++) ck_assert(xy[i][0] == 0 && xy[i][1] == 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("report/principal");
  TCase *c = tcase_create("all");
  tcase_add_test(c, axes_are_found);
  tcase_add_test(c, points_that_are_one);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
